// Where things are in pictures, as fractions of their width and height.
import type { Point, Region } from '../api/types'
import type { Term } from '../state/search-words'

export function rectangle({ x, y, width, height }: Region): Point[] {
  return [
    { x, y },
    { x: x + width, y },
    { x: x + width, y: y + height },
    { x, y: y + height },
  ]
}

/** Points of a cropped picture in the whole one. */
export function queryQuad(points: Point[], crop: Region | undefined): Point[] {
  return crop ? points.map(({ x, y }) => ({ x: crop.x + x * crop.width, y: crop.y + y * crop.height })) : points
}

/** The term whose picture the server compares hits with: the first of positive weight that has one. */
export function comparedTerm(terms: Term[]): Term | undefined {
  return terms.find(({ kind, weight }) => weight > 0 && kind !== 'text')
}

/** The term alone. */
export function wholeQuery(term: Term): Term {
  return { ...term, weight: 1 }
}
