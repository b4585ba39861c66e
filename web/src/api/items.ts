import { blob, json, path, withQuery } from './client'
import type { Item } from './types'

interface Page {
  items: Item[]
  next: string | null
}

/** `count` items drawn at random; the same seed draws the same. */
export async function sampleItems(collection: string, count: number, seed: number, signal?: AbortSignal): Promise<Item[]> {
  return (await json<Page>(path('collections', collection, 'items'), { query: { sort: `@random:${seed}`, limit: count }, signal })).items
}

export function getItem(collection: string, id: string, signal?: AbortSignal): Promise<Item> {
  return json(path('collections', collection, 'items', id), { signal })
}

/** The address of an item's picture, upright and small; size: pixels of the longer side, 16 to 2048. */
export function thumbnailAddress(collection: string, id: string, size: number): string {
  return withQuery(path('collections', collection, 'items', id, 'thumbnail'), { size })
}

export function thumbnail(collection: string, id: string, size: number, signal?: AbortSignal): Promise<Blob> {
  return blob(thumbnailAddress(collection, id, size), { signal })
}
