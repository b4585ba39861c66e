// Which points show their picture: as many as there is room for, so that none covers another or hides a crowd of points.
import type { PointSet } from './points'
import type { View } from './view'

export interface Placed {
  index: number
  x: number
  y: number
}

/** Pixels of a side. */
export const SIDE = 56
const GAP = 4
const MOST = 70
// More points than this in view are a crowd: to look for room among them would take longer than a frame.
const LARGEST_CROWD = 6000
// Points that a picture may hide beside its own.
const HIDDEN = 8

// A spread of indices that is the same every time: what shows its picture does not depend on the order of the points.
function chance(index: number): number {
  return Math.imul(index + 1, 0x9e3779b1) >>> 0
}

/** `before`: those shown until now, which keep their picture while there is room. */
export function placeThumbnails(points: PointSet, view: View, before: Set<number>, wanted: (index: number) => boolean): Placed[] {
  const seen = points.inBox(view.box())
  if (seen.length > LARGEST_CROWD) return []
  const order = seen.filter(wanted).sort((one, other) => {
    const held = Number(before.has(other)) - Number(before.has(one))
    return held || chance(one) - chance(other)
  })
  const placed: Placed[] = []
  const reach = SIDE / 2 / view.scale
  const taken = new Map<string, Placed[]>()
  const square = (x: number, y: number) => [Math.floor(x / (SIDE + GAP)), Math.floor(y / (SIDE + GAP))] as const
  for (const index of order) {
    if (placed.length >= MOST) break
    const [px, py] = points.at(index)
    const [x, y] = view.toPixels([px, py])
    const [column, row] = square(x, y)
    let free = true
    for (let c = column - 1; free && c <= column + 1; ++c) {
      for (let r = row - 1; free && r <= row + 1; ++r) {
        free = !taken.get(`${c},${r}`)?.some((other) => Math.max(Math.abs(other.x - x), Math.abs(other.y - y)) < SIDE + GAP)
      }
    }
    if (!free) continue
    const hidden = points.inBox({ left: px - reach, top: py - reach, right: px + reach, bottom: py + reach }).length - 1
    if (hidden > HIDDEN) continue
    const one = { index, x, y }
    placed.push(one)
    const key = `${column},${row}`
    taken.set(key, [...(taken.get(key) ?? []), one])
  }
  return placed
}
