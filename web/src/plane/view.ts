// How a plane is seen: which part of it, how large. Points of the unit square become pixels of the canvas.
import type { Box, Place } from './points'

/** As d3-zoom keeps it: a pixel p of the unzoomed view is at k * p + x, k * p + y. */
export interface Zoom {
  k: number
  x: number
  y: number
}

export class View {
  /** Pixels of the unit square's side, unzoomed. A margin stays free, so that no point is cut. */
  private readonly side: number

  constructor(
    readonly width: number,
    readonly height: number,
    readonly zoom: Zoom,
    /** Width and height of what is to be seen unzoomed, in units. */
    span: Place = [1, 1],
  ) {
    const room = (side: number, length: number) => (side - 56) / Math.max(length, 0.05)
    this.side = Math.max(1, Math.min(room(width, span[0]), room(height, span[1])))
  }

  /** Pixels a unit. */
  get scale(): number {
    return this.side * this.zoom.k
  }

  /** Where 0, 0 is, in pixels. */
  get origin(): Place {
    return [(this.width / 2) * this.zoom.k + this.zoom.x, (this.height / 2) * this.zoom.k + this.zoom.y]
  }

  toPixels([x, y]: Place): Place {
    const [left, top] = this.origin
    return [left + x * this.scale, top + y * this.scale]
  }

  toPlane([x, y]: Place): Place {
    const [left, top] = this.origin
    return [(x - left) / this.scale, (y - top) / this.scale]
  }

  /** What is seen, and `margin` pixels around it. */
  box(margin = 0): Box {
    const [left, top] = this.toPlane([-margin, -margin])
    const [right, bottom] = this.toPlane([this.width + margin, this.height + margin])
    return { left, top, right, bottom }
  }
}
