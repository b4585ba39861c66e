// The points of a map in groups that share a colour: by label, else by the index's cell or layer.
import type { MapPoint } from '../api/inside'

export interface Group {
  name: string
  count: number
  /** Of the palette; undefined: grey, with all others that are too many to tell apart. */
  colour: number | undefined
}

export type Grouping = 'label' | 'cell' | 'layer' | 'none'

export interface Grouped {
  groups: Group[]
  /** The group of each point. */
  of: Uint32Array
}

// Told apart on light and dark ground, also by most who see fewer colours; the commonest groups get the first.
export const PALETTE: readonly (readonly [number, number, number])[] = [
  [47, 126, 184],
  [226, 126, 42],
  [62, 153, 83],
  [196, 68, 94],
  [134, 104, 190],
  [160, 120, 58],
  [46, 163, 165],
  [214, 112, 178],
  [150, 158, 40],
  [96, 125, 139],
  [236, 92, 72],
  [98, 90, 214],
]
export const GREY = [140, 140, 138] as const

function nameOf(point: MapPoint, by: Grouping): string {
  if (by === 'label') return point.label ?? ''
  if (by === 'cell') return point.cell === undefined ? '' : `Cell ${point.cell}`
  return by === 'layer' ? `Up to layer ${point.layer}` : ''
}

/** Which groupings say something about these points. */
export function groupingsOf(points: MapPoint[]): Grouping[] {
  const ways: Grouping[] = []
  const distinct = (by: Grouping) => {
    const first = points[0] && nameOf(points[0], by)
    return points.some((point) => nameOf(point, by) !== first)
  }
  for (const by of ['label', 'cell', 'layer'] as const) if (distinct(by)) ways.push(by)
  return [...ways, 'none']
}

export function groupPoints(points: MapPoint[], by: Grouping): Grouped {
  const counts = new Map<string, number>()
  const names = points.map((point) => nameOf(point, by))
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  const sorted = [...counts].sort(([one, many], [other, more]) => more - many || one.localeCompare(other))
  let next = 0
  const groups = sorted.map(([name, count]) => {
    const colour = (name !== '' || by === 'none') && next < PALETTE.length ? next++ : undefined
    return { name, count, colour }
  })
  const places = new Map(groups.map(({ name }, index) => [name, index]))
  return { groups, of: Uint32Array.from(names, (name) => places.get(name) ?? 0) }
}

/**
 * The colour of each point. Where some are selected, or one group is looked at (`only`), the others step back; a
 * hidden group has no alpha.
 */
export function paint(grouped: Grouped, hidden: ReadonlySet<number>, selected: ReadonlySet<number>, only: number | undefined): Uint8Array {
  const rgba = new Uint8Array(grouped.of.length * 4)
  grouped.of.forEach((group, index) => {
    if (hidden.has(group)) return
    const { colour } = grouped.groups[group] ?? { colour: undefined }
    const shade = colour === undefined ? GREY : (PALETTE[colour] ?? GREY)
    const back = only !== undefined ? group !== only : selected.size > 0 && !selected.has(index)
    rgba.set(shade, index * 4)
    rgba[index * 4 + 3] = back ? 38 : 225
  })
  return rgba
}
