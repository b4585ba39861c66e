import { describe, expect, it } from 'vitest'
import { readTable, rowOf } from './table'

describe('tables of metadata', () => {
  it('of CSV have numbers where a cell is one, as JSON writes it', () => {
    const { rows, faults } = readTable('shoes/facts.csv', '\ufeff,file,class,label,note\r\n0,.\\a\\1.jpg,cat,3,"red, old"\n1,b.jpg,007,-1.5e2,\n')
    expect(faults).toEqual([])
    expect(rows.get('shoes/a/1.jpg')).toEqual({ class: 'cat', label: 3, note: 'red, old' })
    expect(rows.get('shoes/b.jpg')).toEqual({ class: '007', label: -150, note: '' })
  })

  it('tell rows of no use by their line', () => {
    const csv = readTable('m.csv', 'file,a\nx.jpg,1\nx.jpg,2\n,3\ny.jpg,1,2\n')
    expect(csv.faults).toEqual(["line 3: 'x.jpg' had a row", 'line 4: no file', 'line 5: more cells than the header has'])
    const lines = readTable('m.jsonl', '{"file":"x.jpg","tags":["a"],"none":null}\n\n[1]\nnonsense\n{"a":1}')
    expect(lines.rows.get('x.jpg')).toEqual({ tags: ['a'] })
    expect(lines.faults).toEqual(['line 3: no JSON object', 'line 4: no JSON object', 'line 5: no file'])
  })

  it('without a name for the pictures, or with a quote that never ends, are refused', () => {
    expect(() => readTable('m.csv', 'name,a\nx,1\n')).toThrow("no column 'file' or 'id'")
    expect(() => readTable('m.csv', 'file,a\n"x,1\n')).toThrow('row')
  })

  it('name pictures by their whole path or its end', () => {
    const { rows } = readTable('m.csv', 'id,a\ncats/1.jpg,1\n2.jpg,2\n')
    expect(rowOf(rows, 'photos/cats/1.jpg')).toEqual({ a: 1 })
    expect(rowOf(rows, 'photos/dogs/1.jpg')).toBeUndefined()
    expect(rowOf(rows, '2.jpg')).toEqual({ a: 2 })
  })
})
