import { blob, json, path, withQuery } from './client'
import type { Query, SearchResult } from './types'

export function search(collection: string, query: Query, signal?: AbortSignal): Promise<SearchResult> {
  return json(path('collections', collection, 'search'), { method: 'POST', body: query, signal })
}

/** The query's picture beside the item's, lines joining what agrees: a JPEG. */
export function drawAlignment(collection: string, id: string, query: Query, signal?: AbortSignal): Promise<Blob> {
  return blob(path('collections', collection, 'items', id, 'alignment'), { method: 'POST', body: query, signal })
}

/** Any picture that a search takes, as a small upright JPEG; size: pixels of the longer side, 16 to 2048. */
export function preview(picture: Blob | { uri: string }, size: number): Promise<Blob> {
  // Browsers do not know the kinds of all pictures; the server looks at the bytes.
  const body = picture instanceof Blob ? new Blob([picture], { type: 'application/octet-stream' }) : picture
  return blob(withQuery(path('preview'), { size }), { method: 'POST', body })
}
