// Where a walk's nodes are drawn: at their places on the map of the collection, or laid out by themselves.
import type { CollectionMap, SearchWalk } from '../api/inside'
import { GREY, PALETTE } from '../map/groups'
import { PointSet } from '../plane/points'

export interface Scene {
  points: PointSet
  ids: string[]
  /** The point of each node; undefined: it is not on the map. */
  of: (number | undefined)[]
  /** The cell of each point; empty where the index has none. */
  cells: (number | undefined)[]
  /** The point where the query is; undefined: it is no item of the map. */
  query: number | undefined
}

export function overMap(walk: SearchWalk, map: CollectionMap, queried: string | undefined): Scene {
  const places = new Map(map.points.map(({ id }, index) => [id, index]))
  return {
    points: new PointSet(map.points),
    ids: map.points.map(({ id }) => id),
    of: walk.nodes.map(({ id }) => places.get(id)),
    cells: map.points.map(({ cell }) => cell),
    query: queried === undefined ? undefined : places.get(queried),
  }
}

export function alone(walk: SearchWalk): Scene {
  return {
    points: new PointSet([...walk.nodes, walk.query]),
    ids: [...walk.nodes.map(({ id }) => id), ''],
    of: walk.nodes.map((_, index) => index),
    cells: [],
    query: walk.nodes.length,
  }
}

/** How many of the walk's nodes have a place. */
export function placed(scene: Scene): number {
  return scene.of.filter((point) => point !== undefined).length
}

/** The lines of all steps, each from where it came; a step without a place has a line of no length. */
export function stepLines(walk: SearchWalk, { points, of }: Scene): Float32Array {
  const ends = new Float32Array(walk.steps.length * 4)
  walk.steps.forEach(({ node, from }, index) => {
    const [one, other] = [of[from], of[node]]
    if (one !== undefined && other !== undefined) ends.set([...points.at(one), ...points.at(other)], index * 4)
  })
  return ends
}

/** Colours after `count` steps: what was compared by its layer, the cells that were visited; all else stays back. */
export function paintWalk(walk: SearchWalk, { points, of, cells }: Scene, count: number): Uint8Array {
  const rgba = new Uint8Array(points.count * 4)
  const put = (point: number, [red, green, blue]: readonly [number, number, number], alpha: number) => {
    rgba[point * 4] = red
    rgba[point * 4 + 1] = green
    rgba[point * 4 + 2] = blue
    rgba[point * 4 + 3] = alpha
  }
  for (let point = 0; point < points.count; ++point) put(point, GREY, 70)
  if (!walk.steps.length) {
    const order = new Map(walk.visits.slice(0, count).map(({ cell }, place) => [cell, place]))
    cells.forEach((cell, point) => {
      const visited = cell === undefined ? undefined : order.get(cell)
      if (visited !== undefined) put(point, PALETTE[visited === count - 1 ? 1 : 0] ?? GREY, 200)
    })
  }
  for (const { node, layer } of walk.steps.slice(0, count)) {
    const point = of[node]
    if (point !== undefined) put(point, PALETTE[layer % PALETTE.length] ?? GREY, 235)
  }
  return rgba
}
