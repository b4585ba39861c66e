// How many classes a label has, and how many pictures each.
import { countValues } from '../api/collections'
import { itemIds } from '../api/training'
import { visible } from '../shared/words'

export interface Classes {
  count: number
  /** Items that have the label. */
  items: number
  without: number
  fewest: number
  most: number
  largest: string
  /** There are more than were looked at. */
  more: boolean
}

const MOST_VALUES = 1000
const MOST_IDS = 20_000

export function describe(classes: { name: string; items: number }[], without: number, more: boolean): Classes {
  const sizes = classes.map(({ items }) => items)
  const largest = classes.toSorted((one, other) => other.items - one.items)[0]
  return {
    count: classes.length,
    items: sizes.reduce((sum, items) => sum + items, 0),
    without,
    fewest: sizes.length ? Math.min(...sizes) : 0,
    most: largest?.items ?? 0,
    largest: largest ? visible(largest.name) : '',
    more,
  }
}

export async function classesOf(collection: string, label: string, signal: AbortSignal): Promise<Classes> {
  if (label !== '@folder') {
    const facet = (await countValues(collection, [label], '', MOST_VALUES, signal))[0]
    const values = (facet?.values ?? []).map(({ value, items }) => ({ name: String(value), items }))
    const told = describe(values, facet?.without ?? 0, (facet?.distinct ?? 0) > values.length)
    return { ...told, count: facet?.distinct ?? 0 }
  }
  const ids = await itemIds(collection, MOST_IDS, signal)
  const folders = new Map<string, number>()
  for (const id of ids) {
    const slash = id.indexOf('/')
    if (slash >= 0) folders.set(id.slice(0, slash), (folders.get(id.slice(0, slash)) ?? 0) + 1)
  }
  const named = [...folders].map(([name, items]) => ({ name, items }))
  return describe(named, ids.length - named.reduce((sum, { items }) => sum + items, 0), ids.length === MOST_IDS)
}
