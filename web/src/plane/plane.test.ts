import { describe, expect, it } from 'vitest'
import { PointSet } from './points'
import { placeThumbnails, SIDE } from './thumbnails'
import { View } from './view'

const UNZOOMED = { k: 1, x: 0, y: 0 }

/** Points that a small generator strews over a square. */
function strewn(count: number) {
  let seed = 1
  const next = () => (seed = (seed * 48271) % 2147483647) / 2147483647
  return Array.from({ length: count }, () => ({ x: next() * 20 - 3, y: next() * 20 + 5 }))
}

describe('points', () => {
  it('fit into the unit square around 0, with y downwards and angles kept', () => {
    const points = new PointSet([
      { x: 10, y: 0 },
      { x: 30, y: 10 },
    ])
    expect(points.at(0)).toEqual([-0.5, 0.25])
    expect(points.at(1)).toEqual([0.5, -0.25])
    expect(points.span).toEqual([1, 0.5])
  })

  it('are found in a polygon exactly where geometry says, corners that turn in included', () => {
    const points = new PointSet(strewn(3000))
    // An L: its box holds more than itself.
    const found = points.inPolygon([
      [-0.4, -0.4],
      [0, -0.4],
      [0, 0],
      [0.4, 0],
      [0.4, 0.4],
      [-0.4, 0.4],
    ])
    const expected = Array.from({ length: points.count }, (_, index) => index).filter((index) => {
      const [x, y] = points.at(index)
      return Math.abs(x) < 0.4 && Math.abs(y) < 0.4 && !(x > 0 && y < 0)
    })
    expect(found.sort((a, b) => a - b)).toEqual(expected)
    expect(expected.length).toBeGreaterThan(500)
  })

  it('are found by who is nearest, of those that are wanted', () => {
    const points = new PointSet([
      { x: 0, y: 0 },
      { x: 1, y: 0 },
      { x: 0.4, y: 0 },
    ])
    expect(points.nearest([-0.05, 0], 1)).toBe(2)
    expect(points.nearest([-0.05, 0], 1, (index) => index !== 2)).toBe(0)
    expect(points.nearest([-0.3, 0.3], 0.1)).toBeUndefined()
  })

  it('may be none, one, or all in one place', () => {
    expect(new PointSet([]).inBox({ left: -99, top: -99, right: 99, bottom: 99 })).toEqual([])
    expect(new PointSet([]).nearest([0, 0], 99)).toBeUndefined()
    const one = new PointSet(Array.from({ length: 3 }, () => ({ x: 7, y: 7 })))
    expect(one.at(2)).toEqual([0, 0])
    expect(one.inBox({ left: -1, top: -1, right: 1, bottom: 1 })).toHaveLength(3)
  })
})

describe('a view', () => {
  it('shows every point when unzoomed, in wide and in high places', () => {
    for (const [width, height] of [
      [900, 300],
      [300, 900],
    ] as const) {
      const points = new PointSet(strewn(200))
      const view = new View(width, height, UNZOOMED, points.span)
      for (let index = 0; index < points.count; ++index) {
        const [x, y] = view.toPixels(points.at(index))
        expect(x > 0 && x < width && y > 0 && y < height).toBe(true)
      }
    }
  })

  it('turns pixels into places and back, zoomed or not', () => {
    const view = new View(800, 600, { k: 3.5, x: -120, y: 44 })
    const [x, y] = view.toPlane(view.toPixels([0.123, -0.4]))
    expect(x).toBeCloseTo(0.123, 9)
    expect(y).toBeCloseTo(-0.4, 9)
    const { left, right } = view.box()
    expect(view.toPixels([left, 0])[0]).toBeCloseTo(0)
    expect(view.toPixels([right, 0])[0]).toBeCloseTo(800)
  })
})

describe('thumbnails', () => {
  const points = new PointSet(strewn(400))
  const all = () => true

  it('never cover each other, are within view, and bounded', () => {
    for (const k of [1, 4, 20]) {
      const view = new View(900, 600, { k, x: (-900 * (k - 1)) / 2, y: (-600 * (k - 1)) / 2 }, points.span)
      const placed = placeThumbnails(points, view, new Set(), all)
      expect(placed.length).toBeLessThanOrEqual(70)
      placed.forEach((one, at) => {
        expect(one.x >= 0 && one.x <= 900 && one.y >= 0 && one.y <= 600).toBe(true)
        for (const other of placed.slice(at + 1)) {
          expect(Math.max(Math.abs(one.x - other.x), Math.abs(one.y - other.y))).toBeGreaterThanOrEqual(SIDE)
        }
      })
    }
  })

  it('wait until there is room: a crowd has none, a closer look finds some', () => {
    const crowd = new PointSet(strewn(5000))
    expect(placeThumbnails(crowd, new View(400, 300, UNZOOMED, crowd.span), new Set(), all)).toEqual([])
    const near = new View(400, 300, { k: 30, x: -29 * 200, y: -29 * 150 }, crowd.span)
    expect(placeThumbnails(crowd, near, new Set(), all).length).toBeGreaterThan(0)
  })

  it('stay where they were while there is room, and leave out what is hidden', () => {
    const view = new View(900, 600, { k: 4, x: -1350, y: -900 }, points.span)
    const first = placeThumbnails(points, view, new Set(), all)
    const kept = new Set(first.slice(-5).map(({ index }) => index))
    const again = placeThumbnails(points, view, kept, all).map(({ index }) => index)
    expect([...kept].every((index) => again.includes(index))).toBe(true)
    const odd = placeThumbnails(points, view, new Set(), (index) => index % 2 === 1)
    expect(odd.every(({ index }) => index % 2 === 1)).toBe(true)
  })
})
