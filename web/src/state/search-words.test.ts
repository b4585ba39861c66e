import { describe, expect, it } from 'vitest'
import { emptySearch, formatSearch, parseSearch, type Search } from './search-words'

const FULL: Search = {
  ...emptySearch(),
  terms: [
    { kind: 'id', value: 'shoes/12 & more=1.jpg', weight: 1 },
    { kind: 'text', value: 'red\u202e <b>', weight: -0.5 },
    { kind: 'picture', value: 'a1b2', weight: 2, crop: { x: 0.1, y: 0.25, width: 0.5, height: 0.75 } },
  ],
  last: [{ kind: 'uri', value: 'https://example.org/a.jpg?b=c&d', weight: 1.5 }],
  facets: [{ field: 'category', values: ['shoe', 5, true] }],
  k: 200,
  filter: 'price < 50 and name != "a&b"',
  min_similarity: 62.5,
  collapse: true,
  augment: 'pool',
}

describe('the address of a search', () => {
  it('gives back every search as it was', () => {
    expect(parseSearch(formatSearch(FULL))).toEqual(FULL)
  })

  it('says nothing of what stands at its default', () => {
    expect(formatSearch(emptySearch())).toBe('')
    expect(formatSearch({ ...emptySearch(), terms: [{ kind: 'id', value: 'a', weight: 1 }] })).toBe('?id=a')
  })

  it('gives weight and crop to the term before them', () => {
    const { terms } = parseSearch('?id=a&id=b&weight=-1&crop=0,0,.5,.5&text=c')
    expect(terms.map(({ value, weight, crop }) => [value, weight, !!crop])).toEqual([
      ['a', 1, false],
      ['b', -1, true],
      ['c', 1, false],
    ])
  })

  it('leaves out what makes no sense', () => {
    const search = parseSearch('?weight=3&crop=1&id=&id=a&crop=.5,.5,.9,.9&weight=x&k=-5&augment=yes&facet={&unknown=1&collapse=1')
    expect(search).toEqual({ ...emptySearch(), terms: [{ kind: 'id', value: 'a', weight: 1 }], k: 1 })
  })

  it('keeps numbers within what the page can show', () => {
    const search = parseSearch('?k=99999&min_similarity=120&text=a&weight=-99&verify=2.4')
    expect([search.k, search.min_similarity, search.terms[0]?.weight, search.verify]).toEqual([1000, 100, -3, 2])
  })

  it('takes a confidence as a number or as what is recommended', () => {
    const confidences = ['0.255', 'auto', '7', '-1', 'much'].map((text) => parseSearch(`?min_confidence=${text}`).min_confidence)
    expect(confidences).toEqual([0.255, 'auto', 1, 0, 0])
    for (const min_confidence of [0.255, 'auto'] as const) {
      expect(parseSearch(formatSearch({ ...FULL, min_confidence })).min_confidence).toBe(min_confidence)
    }
  })
})
