// Filters made of choices, in the language of docs/filters.md.
import type { Json, Metadata } from '../api/types'
import type { FacetChoice } from './search-words'

const WORDS = new Set(['and', 'or', 'not', 'in', 'exists', 'true', 'false', 'null'])

/** A field as a filter spells it; undefined where no filter can: a name with a backtick. */
export function spellField(path: string[]): string | undefined {
  if (path.some((name) => name === '' || name.includes('`'))) return undefined
  return path.map((name) => (/^[\w-]+$/.test(name) && !WORDS.has(name.toLowerCase()) ? name : `\`${name}\``)).join('.')
}

function spellValue(value: Json): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const escaped = value.replace(/["\\\n\t]/g, (c) => ({ '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t' })[c] ?? c)
  return `"${escaped}"`
}

/** Numbers from and to these, both included; null: no bound. */
export interface Range {
  from: number | null
  to: number | null
}

export function isRange(value: unknown): value is Range {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value
}

function rangeFilter(field: string, { from, to }: Range): string {
  const parts = []
  if (typeof from === 'number') parts.push(`${field} >= ${from}`)
  if (typeof to === 'number') parts.push(`${field} <= ${to}`)
  return parts.join(' and ')
}

function choiceFilter({ field, values }: FacetChoice): string {
  const [first] = values
  if (first === undefined) return ''
  if (isRange(first)) return rangeFilter(field, first)
  const spelt = values.map(spellValue)
  return spelt.length === 1 ? `${field} = ${spelt[0]}` : `${field} in (${spelt.join(', ')})`
}

/** What was typed, and all that was chosen. */
export function combinedFilter(typed: string, facets: FacetChoice[]): string {
  const parts = facets.map(choiceFilter).filter((part) => part !== '')
  if (typed.trim()) parts.unshift(parts.length ? `(${typed.trim()})` : typed.trim())
  return parts.join(' and ')
}

/** The fields of some items' metadata that hold something to choose by, as filters spell them; those most items have come first. */
export function fieldsOf(items: { metadata: Metadata }[]): string[] {
  const counts = new Map<string, number>()
  const walk = (value: Json, path: string[]) => {
    if (value === null || path.length > 4) return
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) walk(inner, [...path, name])
      return
    }
    const field = spellField(path)
    if (field) counts.set(field, (counts.get(field) ?? 0) + 1)
  }
  for (const { metadata } of items) walk(metadata, [])
  return [...counts].sort(([, one], [, other]) => other - one).map(([field]) => field)
}
