import { describe, expect, it } from 'vitest'
import type { SearchWalk } from '../api/inside'
import { emptySearch } from '../state/search-words'
import { bySize, imbalance } from './cells'
import { alone, overMap, paintWalk, placed, stepLines } from './scene'
import { frameAt, lengthOf, misplaced, wayTo } from './walk-frames'
import { walkable } from './walk-query'

const node = (id: string, x: number) => ({ id, x, y: 0 })
const WALK: SearchWalk = {
  kind: 'HNSW4',
  query: { x: 9, y: 9 },
  nodes: [node('a', 0), node('b', 1), node('c', 2), node('d', 3)],
  steps: [
    { node: 0, from: 0, layer: 1, similarity: 0.1 },
    { node: 1, from: 0, layer: 1, similarity: 0.5 },
    { node: 2, from: 1, layer: 0, similarity: 0.4 },
    { node: 3, from: 1, layer: 0, similarity: 0.9 },
    { node: 2, from: 3, layer: 0, similarity: 0.4 },
  ],
  visits: [],
  candidates: [
    { node: 3, estimate: 0.91, similarity: 0.9, rank: 1 },
    { node: 2, estimate: 0.5, similarity: 0.4, rank: 3 },
    { node: 1, estimate: 0.4, similarity: 0.5, rank: 2 },
    { node: 0, estimate: 0.1, similarity: 0.1, rank: null },
  ],
  scanned: false,
  hits: [],
}
const CELLS: SearchWalk = { ...WALK, steps: [], visits: [{ cell: 7, distance: 0.1, items: 5 }, { cell: 2, distance: 0.2, items: 3 }] }

describe('the film of a walk', () => {
  it('knows after each step what was compared, and what is nearest', () => {
    expect(lengthOf(WALK)).toBe(5)
    expect(frameAt(WALK, 0)).toMatchObject({ step: undefined, best: undefined, compared: 0 })
    expect(frameAt(WALK, 3)).toMatchObject({ best: 1, similarity: 0.5, compared: 3 })
    const last = frameAt(WALK, 5)
    expect(last).toMatchObject({ best: 3, compared: 4 })
    expect([...last.perLayer]).toEqual([
      [1, 2],
      [0, 3],
    ])
  })

  it('counts what the visited cells hold', () => {
    expect(lengthOf(CELLS)).toBe(2)
    expect(frameAt(CELLS, 1)).toMatchObject({ visit: CELLS.visits[0], compared: 5 })
    expect(frameAt(CELLS, 2).compared).toBe(8)
  })

  it('finds the way back to the entry, by where each item was first reached from', () => {
    expect(wayTo(WALK, 5, 3)).toEqual([3, 1, 0])
    expect(wayTo(WALK, 1, 0)).toEqual([0])
  })

  it('tells hits whose place the estimate had wrong', () => {
    expect(misplaced(WALK)).toBe(2)
  })
})

describe('the scene of a walk', () => {
  const map = { method: 'pca' as const, kind: '', items: 3, explained_variance: 1, points: [
    { id: 'x', x: 0, y: 0, layer: 0, cell: 2 },
    { id: 'b', x: 1, y: 1, layer: 0, cell: 7 },
    { id: 'd', x: 2, y: 0, layer: 0, cell: 7 },
  ] }

  it('has the places of the map where the items are on it', () => {
    const scene = overMap(WALK, map, 'd')
    expect(scene.of).toEqual([undefined, 1, undefined, 2])
    expect([placed(scene), scene.query]).toEqual([2, 2])
    const lines = stepLines(WALK, scene)
    expect([...lines.subarray(12, 16)]).toEqual([...scene.points.at(1), ...scene.points.at(2)])
    expect([...lines.subarray(4, 8)]).toEqual([0, 0, 0, 0])
  })

  it('colours what was compared, and the cells that were visited', () => {
    const scene = alone(WALK)
    const alphas = (rgba: Uint8Array) => Array.from({ length: rgba.length / 4 }, (_, at) => rgba[at * 4 + 3])
    expect(alphas(paintWalk(WALK, scene, 2))).toEqual([235, 235, 70, 70, 70])
    expect(alphas(paintWalk(CELLS, overMap(CELLS, map, undefined), 1))).toEqual([70, 200, 200])
  })
})

describe('cells', () => {
  const cell = (items: number) => ({ items, mean_distance: 0, radius: 0, x: 0, y: 0 })
  it('are ordered by size with their shares', () => {
    expect(bySize([cell(1), cell(6), cell(3)]).map(({ number, share }) => [number, share])).toEqual([
      [1, 0.6],
      [2, 0.3],
      [0, 0.1],
    ])
  })
  it('are even, or all in one', () => {
    expect(imbalance([cell(5), cell(5)])).toBe(1)
    expect(imbalance([cell(10), cell(0)])).toBe(2)
    expect(imbalance([cell(0)])).toBe(1)
  })
})

describe('the search that is walked', () => {
  it('is the one that was made, without what makes several searches of it', () => {
    const { search, without } = walkable({ ...emptySearch(), augment: 'parts', classify: 'class', class: 'a', ef: 7, last: [{ kind: 'id', value: 'x', weight: 1 }] })
    expect(search).toMatchObject({ augment: 'none', classify: '', class: '', ef: 7, last: [] })
    expect(without).toHaveLength(2)
    expect(walkable({ ...emptySearch(), augment: 'mean' }).search.augment).toBe('mean')
  })
})
