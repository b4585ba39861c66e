import { blob, json, path } from './client'
import type { Query, SearchResult } from './types'

export function search(collection: string, query: Query, signal?: AbortSignal): Promise<SearchResult> {
  return json(path('collections', collection, 'search'), { method: 'POST', body: query, signal })
}

/** The query's picture beside the item's, lines joining what agrees: a JPEG. */
export function drawAlignment(collection: string, id: string, query: Query, signal?: AbortSignal): Promise<Blob> {
  return blob(path('collections', collection, 'items', id, 'alignment'), { method: 'POST', body: query, signal })
}
