// Points of a plane, laid out so that all fit into the unit square around 0, and found by where they are.
import { polygonContains } from 'd3-polygon'
import KDBush from 'kdbush'

export type Place = [x: number, y: number]

export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

export class PointSet {
  /** x, y of each in turn; y grows downwards, as on the screen. */
  readonly xy: Float32Array
  /** Width and height of what they take; the larger is 1. */
  readonly span: Place
  private readonly tree: KDBush

  constructor(points: readonly { x: number; y: number }[]) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
    for (const { x, y } of points) {
      if (x < left) left = x
      if (x > right) right = x
      if (y < top) top = y
      if (y > bottom) bottom = y
    }
    const extent = Math.max(right - left, bottom - top)
    const scale = extent > 0 ? 1 / extent : 1
    this.span = extent > 0 ? [(right - left) * scale, (bottom - top) * scale] : [1, 1]
    this.xy = new Float32Array(points.length * 2)
    this.tree = new KDBush(Math.max(points.length, 1), 64, Float32Array)
    points.forEach(({ x, y }, index) => {
      const across = (x - (left + right) / 2) * scale
      const down = ((top + bottom) / 2 - y) * scale
      this.xy[index * 2] = across
      this.xy[index * 2 + 1] = down
      this.tree.add(across, down)
    })
    if (!points.length) this.tree.add(9, 9) // the tree wants one; it is out of every reach
    this.tree.finish()
  }

  get count(): number {
    return this.xy.length / 2
  }

  at(index: number): Place {
    return [this.xy[index * 2] ?? 0, this.xy[index * 2 + 1] ?? 0]
  }

  private real(found: number[]): number[] {
    return this.count ? found : []
  }

  /** The nearest point within `reach` that `wanted` lets through; undefined where there is none. */
  nearest([x, y]: Place, reach: number, wanted: (index: number) => boolean = () => true): number | undefined {
    let best: number | undefined
    let least = Infinity
    for (const index of this.real(this.tree.within(x, y, reach))) {
      const [px, py] = this.at(index)
      const distance = (px - x) ** 2 + (py - y) ** 2
      if (distance < least && wanted(index)) [best, least] = [index, distance]
    }
    return best
  }

  inBox({ left, top, right, bottom }: Box): number[] {
    return this.real(this.tree.range(left, top, right, bottom))
  }

  /** Those within a closed line that was drawn around them. */
  inPolygon(corners: Place[]): number[] {
    if (corners.length < 3) return []
    const xs = corners.map(([x]) => x)
    const ys = corners.map(([, y]) => y)
    const box = { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) }
    return this.inBox(box).filter((index) => polygonContains(corners, this.at(index)))
  }
}
