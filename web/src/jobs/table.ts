// Files of metadata that come with pictures: the rules of docs/metadata.md, "Rows", for files that never reach the server.
import Papa from 'papaparse'
import type { Json, Metadata } from '../api/types'

export interface Table {
  /** By the picture's path. */
  rows: Map<string, Metadata>
  /** Rows of no use, by their line. */
  faults: string[]
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

function isNumber(cell: string): boolean {
  return NUMBER.test(cell) && Number.isFinite(Number(cell))
}

/** As tables spell paths: backslashes count as slashes, `./` in front as nothing. */
function spelt(path: string): string {
  return path.replaceAll('\\', '/').replace(/^(\.\/)+/, '')
}

function addRow(table: Table, line: number, folder: string, row: Metadata): void {
  const name = row['file'] ?? row['id']
  if (typeof name !== 'string' && typeof name !== 'number') return void table.faults.push(`line ${line}: no file`)
  const path = folder + spelt(String(name))
  if (!path) return void table.faults.push(`line ${line}: no file`)
  if (table.rows.has(path)) return void table.faults.push(`line ${line}: '${path}' had a row`)
  const { [row['file'] === undefined ? 'id' : 'file']: _, ...rest } = row
  table.rows.set(path, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)))
}

function readCsv(text: string, folder: string): Table {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: ',', newline: '\n' })
  const quotes = errors.find(({ type }) => type === 'Quotes')
  if (quotes) throw new Error(`row ${(quotes.row ?? 0) + 1}: ${quotes.message}`)
  const [header = [], ...rows] = data
  if (!header.includes('file') && !header.includes('id')) throw new Error("it has no column 'file' or 'id', which names the picture")
  const table: Table = { rows: new Map(), faults: [] }
  rows.forEach((cells, index) => {
    const line = index + 2
    if (cells.length === 1 && !cells[0]) return
    if (cells.length > header.length) return void table.faults.push(`line ${line}: more cells than the header has`)
    const fields: [string, Json][] = []
    cells.forEach((cell, column) => {
      const name = header[column]
      const isName = name === 'file' || name === 'id'
      if (name) fields.push([name, !isName && isNumber(cell) ? Number(cell) : cell])
    })
    addRow(table, line, folder, Object.fromEntries(fields))
  })
  return table
}

function readLines(text: string, folder: string): Table {
  const table: Table = { rows: new Map(), faults: [] }
  text.split('\n').forEach((line, index) => {
    if (!line.trim()) return
    try {
      const row: Json = JSON.parse(line)
      if (row === null || typeof row !== 'object' || Array.isArray(row)) throw new Error()
      addRow(table, index + 1, folder, row)
    } catch {
      table.faults.push(`line ${index + 1}: no JSON object`)
    }
  })
  return table
}

/** Throws an Error that says why where nothing of it can be used. `path`: where the table lies, beside the pictures. */
export function readTable(path: string, text: string): Table {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const plain = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  return /\.csv$/i.test(path) ? readCsv(plain, folder) : readLines(plain, folder)
}

/** The row of a picture: by its whole path, or by as much of its end as a table has that was chosen without its folder. */
export function rowOf(rows: Map<string, Metadata>, path: string): Metadata | undefined {
  for (let rest = path; ; rest = rest.slice(rest.indexOf('/') + 1)) {
    const row = rows.get(rest)
    if (row || !rest.includes('/')) return row
  }
}
