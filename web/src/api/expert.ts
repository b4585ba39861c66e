// What the expert panel asks beside searches.
import { blob, json, path, request } from './client'
import type { Collection, Query } from './types'

/** Collections as they are, with what only experts look at. */
export interface IndexedCollection extends Collection {
  index_training: { items: number; sampled: number; explained_variance: number; seconds: number } | null
  search: { ef: number; nprobe: number; rescore: number }
  precision: string
}

export function getIndexed(collection: string, signal?: AbortSignal): Promise<IndexedCollection> {
  return json(path('collections', collection), { signal })
}

/** Another index, by its factory string; it is built in the background. Needs the role admin. */
export function changeIndex(collection: string, index: string, signal?: AbortSignal): Promise<IndexedCollection> {
  return json(path('collections', collection), { method: 'PATCH', body: { index }, signal })
}

/** The query's pictures and their variants in rows: a JPEG. */
export function drawContactSheet(query: Query, signal?: AbortSignal): Promise<Blob> {
  return blob(path('contact-sheet'), { method: 'POST', body: query, signal })
}

/** The server's figures, as Prometheus reads them. */
export async function readMetrics(signal?: AbortSignal): Promise<string> {
  return (await request('/metrics', { signal })).text()
}

/** An item's picture as it was given. */
export function picture(collection: string, id: string, signal?: AbortSignal): Promise<Blob> {
  return blob(path('collections', collection, 'items', id, 'picture'), { signal })
}
