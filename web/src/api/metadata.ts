import { json, path } from './client'
import type { Item, Metadata } from './types'

/** Changes an item's metadata as a JSON merge patch says (RFC 7396): null takes a field away. */
export function patchMetadata(collection: string, id: string, patch: Metadata, signal?: AbortSignal): Promise<Item> {
  return json(path('collections', collection, 'items', id), { method: 'PATCH', body: patch, signal })
}
