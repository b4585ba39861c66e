// A map as the query of the page's address, in the words of GET /v1/collections/{collection}/map; what stands at its default is left out.
import type { MapOptions } from '../api/inside'
import type { Item } from '../api/types'

export interface MapWords extends MapOptions {
  /** The page's own word: coloured by what the index makes of the items, in place of the label. */
  colour: '' | 'cell' | 'layer'
}

/** Neighbours kept together, of as many as are there in a few seconds; folders are most collections' classes. */
export const DEFAULTS: MapWords = { method: 'umap', limit: 5000, neighbors: 15, seed: 1, label: '@folder', colour: '' }
export const LIMITS = {
  limit: [1, 200_000],
  neighbors: [2, 200],
  seed: [0, 2 ** 32 - 1],
} as const

const COLOURS = ['cell', 'layer'] as const

/** A whole number within what the server takes; the default where it is none. */
export function bounded(word: keyof typeof LIMITS, text: string | number): number {
  const number = Math.round(Number(text))
  if (text === '' || !Number.isFinite(number)) return DEFAULTS[word]
  const [least, largest] = LIMITS[word]
  return Math.min(largest, Math.max(least, number))
}

export function parseMap(query: string): MapWords {
  const words = new URLSearchParams(query)
  const number = (word: keyof typeof LIMITS) => bounded(word, words.get(word) ?? '')
  return {
    method: words.get('method') === 'pca' ? 'pca' : 'umap',
    limit: number('limit'),
    neighbors: number('neighbors'),
    seed: number('seed'),
    label: words.get('label') ?? DEFAULTS.label,
    colour: COLOURS.find((colour) => colour === words.get('colour')) ?? '',
  }
}

export function formatMap(options: MapWords): string {
  const words = new URLSearchParams()
  for (const [word, value] of Object.entries(DEFAULTS)) {
    const said = options[word as keyof MapWords]
    if (said !== value) words.set(word, String(said))
  }
  const text = words.toString()
  return text && '?' + text
}

/** Metadata fields that points can be labelled by: text, numbers and truths; those most items have come first. */
export function labelFields(items: Pick<Item, 'metadata'>[]): string[] {
  const counts = new Map<string, number>()
  for (const { metadata } of items) {
    for (const [name, value] of Object.entries(metadata)) {
      if (value !== null && value !== '' && typeof value !== 'object') counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return [...counts].sort(([, one], [, other]) => other - one).map(([name]) => name)
}
