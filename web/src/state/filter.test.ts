import { describe, expect, it } from 'vitest'
import { combinedFilter, fieldsOf, spellField } from './filter'

describe('filters of choices', () => {
  it('join what was typed and what was chosen', () => {
    const facets = [
      { field: 'category', values: ['shoe', 'boot'] },
      { field: 'sold', values: [false] },
    ]
    expect(combinedFilter('price < 50 or gift', facets)).toBe(
      '(price < 50 or gift) and category in ("shoe", "boot") and sold = false',
    )
    expect(combinedFilter(' price < 50 ', [])).toBe('price < 50')
    expect(combinedFilter('', [{ field: 'x', values: [] }])).toBe('')
  })

  it('have ranges of numbers, open on either side', () => {
    const range = (from: number | null, to: number | null) => combinedFilter('', [{ field: 'price', values: [{ from, to }] }])
    expect([range(1, 5.5), range(null, 5), range(0, null), range(null, null)]).toEqual([
      'price >= 1 and price <= 5.5',
      'price <= 5',
      'price >= 0',
      '',
    ])
  })

  it('quote values so that none ends its quotes', () => {
    expect(combinedFilter('', [{ field: 'a', values: ['" or true or "\\\n'] }])).toBe('a = "\\" or true or \\"\\\\\\n"')
  })

  it('quote names that are no words, and give up on what cannot be quoted', () => {
    expect(spellField(['größe', 'cm'])).toBe('`größe`.cm')
    expect(spellField(['not'])).toBe('`not`')
    expect(spellField(['a`b'])).toBeUndefined()
  })
})

describe('fields of a collection', () => {
  it('are those of the metadata, nested ones too, the commonest first', () => {
    const items = [
      { metadata: { a: 1, b: { c: 'x' }, none: null } },
      { metadata: { b: { c: 'y' }, tags: ['u', 'v'] } },
    ]
    expect(fieldsOf(items)).toEqual(['b.c', 'a', 'tags'])
  })
})
