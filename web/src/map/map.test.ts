import { describe, expect, it } from 'vitest'
import { GREY, groupingsOf, groupPoints, paint, PALETTE } from './groups'
import { DEFAULTS, formatMap, labelFields, parseMap } from './map-words'
import { spread } from './spread'
import { typedValue } from './tag'

const at = { x: 0, y: 0, layer: 0 }

describe('groups', () => {
  const points = [
    { ...at, id: 'a', label: 'cat', cell: 1 },
    { ...at, id: 'b', label: 'dog', cell: 1 },
    { ...at, id: 'c', label: 'dog', cell: 1 },
    { ...at, id: 'd', cell: 1 },
  ]

  it('are by size, those without a label grey', () => {
    const { groups, of } = groupPoints(points, 'label')
    expect(groups.map(({ name, count }) => [name, count])).toEqual([
      ['dog', 2],
      ['', 1],
      ['cat', 1],
    ])
    expect([...of]).toEqual([2, 0, 0, 1])
    expect(groups[1]?.colour).toBeUndefined()
  })

  it('say only what tells points apart', () => {
    expect(groupingsOf(points)).toEqual(['label', 'none'])
    expect(groupingsOf([])).toEqual(['none'])
  })

  it('are painted; others than the selected step back; hidden ones have no alpha', () => {
    const grouped = groupPoints(points, 'label')
    const rgba = paint(grouped, new Set([2]), new Set([1]), undefined)
    const of = (index: number) => [...rgba.subarray(index * 4, index * 4 + 4)]
    expect(of(0)).toEqual([0, 0, 0, 0])
    expect(of(1).slice(0, 3)).toEqual([...(PALETTE[0] ?? [])])
    expect(of(3).slice(0, 3)).toEqual([...GREY])
    expect((of(1)[3] ?? 0) > (of(2)[3] ?? 0)).toBe(true)
  })

  it('have colours that differ from each other', () => {
    expect(new Set(PALETTE.map(String)).size).toBe(PALETTE.length)
    expect(PALETTE.flat().every((part) => part >= 0 && part <= 255)).toBe(true)
  })
})

describe('the address of a map', () => {
  it('gives back every map, and says nothing of what stands at its default', () => {
    const map = { method: 'pca', limit: 100_000, neighbors: 30, seed: 0, label: 'a & b', colour: 'cell' } as const
    expect(parseMap(formatMap(map))).toEqual(map)
    expect(formatMap(DEFAULTS)).toBe('')
    expect(parseMap(formatMap({ ...DEFAULTS, label: '' })).label).toBe('')
  })

  it('keeps to what the server takes', () => {
    expect(parseMap('?limit=9e9&neighbors=1&seed=x&method=tsne&colour=red')).toEqual({ ...DEFAULTS, limit: 200_000, neighbors: 2 })
  })
})

describe('fields to label by', () => {
  it('are those that hold one value, the commonest first', () => {
    const items = [{ metadata: { rare: true, kind: 'a', list: [1] } }, { metadata: { kind: 'b', none: null, empty: '' } }]
    expect(labelFields(items)).toEqual(['kind', 'rare'])
  })
})

describe('what is done with a selection', () => {
  it('takes as many as a search can, spread over all', () => {
    const all = Array.from({ length: 95 }, (_, index) => index)
    const taken = spread(all, 20)
    expect(new Set(taken).size).toBe(20)
    expect(taken[0]).toBeLessThan(5)
    expect(taken.at(-1)).toBeGreaterThan(89)
    expect(spread(all.slice(0, 20), 20)).toEqual(all.slice(0, 20))
  })

  it('takes typed values for what they are said to be', () => {
    expect(typedValue('text', '5')).toBe('5')
    expect(typedValue('number', ' 2.5')).toBe(2.5)
    expect(typedValue('number', 'two')).toBeUndefined()
    expect(typedValue('number', ' ')).toBeUndefined()
    expect(typedValue('truth', 'false')).toBe(false)
    expect(typedValue('none', 'x')).toBeNull()
  })
})
