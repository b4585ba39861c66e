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

type Rgb = readonly [number, number, number]

// Told apart on light and dark ground, also by most who see fewer colours; the commonest groups get these.
const CHOSEN: readonly Rgb[] = [
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
const COLOURS = 60

// After the chosen ones hues by the golden angle, each as far from those before as can be, in turns darker and lighter.
function further(index: number): Rgb {
  const hue = (index * 137.508) % 360
  const [chroma, lightness] = [0.34, [0.5, 0.6, 0.42][index % 3] as number]
  const part = (offset: number) => {
    const k = (offset + hue / 30) % 12
    return Math.round(255 * (lightness - chroma * Math.min(lightness, 1 - lightness) * 1.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [part(0), part(8), part(4)]
}

export const PALETTE: readonly Rgb[] = [
  ...CHOSEN,
  ...Array.from({ length: COLOURS - CHOSEN.length }, (_, index) => further(index)),
]
export const GREY: Rgb = [140, 140, 138]

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
  const { groups, of } = grouped
  const shades = groups.map(({ colour }) => (colour === undefined ? GREY : (PALETTE[colour] ?? GREY)))
  const rgba = new Uint8Array(of.length * 4)
  for (let index = 0; index < of.length; ++index) {
    const group = of[index] as number
    if (hidden.has(group)) continue
    const shade = shades[group] ?? GREY
    const back = only !== undefined ? group !== only : selected.size > 0 && !selected.has(index)
    rgba[index * 4] = shade[0]
    rgba[index * 4 + 1] = shade[1]
    rgba[index * 4 + 2] = shade[2]
    rgba[index * 4 + 3] = back ? 38 : 225
  }
  return rgba
}
