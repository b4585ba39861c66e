// Items listed, added, changed and removed. All but the lists need the role `write`.
import { json, path, request } from './client'
import type { Job } from './jobs'
import type { Item, Metadata } from './types'

export interface ItemPage {
  items: Item[]
  /** null: this was the last. */
  next: string | null
}

export function listItems(
  collection: string,
  asked: { cursor?: string | undefined; filter?: string | undefined; sort?: string | undefined; limit: number },
  signal?: AbortSignal,
): Promise<ItemPage> {
  return json(path('collections', collection, 'items'), { query: { ...asked }, signal })
}

export type OnDuplicate = 'store' | 'skip'
export type ExifFields = 'none' | 'camera' | 'gps'

export interface NewItem {
  id: string
  base64: string
  metadata?: Metadata
  exif?: ExifFields
}

export type PutResult =
  | { id: string; outcome: 'created' | 'replaced' | 'unchanged' | 'skipped'; copy_of?: { id: string } }
  | { error: { code: string; message: string } }

/** What became of each, in order. */
export async function addItems(
  collection: string,
  items: NewItem[],
  on_duplicate: OnDuplicate,
  signal?: AbortSignal,
): Promise<PutResult[]> {
  const call = { method: 'POST', query: { on_duplicate }, body: { items }, signal } as const
  return (await json<{ results: PutResult[] }>(path('collections', collection, 'items'), call)).results
}

/** One picture, as it is: for those that are large. */
export function putPicture(
  collection: string,
  id: string,
  file: Blob,
  facts: { metadata?: Metadata | undefined; exif: ExifFields; on_duplicate: OnDuplicate },
  signal?: AbortSignal,
): Promise<PutResult> {
  const form = new FormData()
  form.set('file', file)
  if (facts.metadata) form.set('metadata', JSON.stringify(facts.metadata))
  form.set('exif', facts.exif)
  form.set('on_duplicate', facts.on_duplicate)
  return json(path('collections', collection, 'items', id), { method: 'PUT', body: form, signal })
}

export interface IndexRequest {
  /** Folders and files of the server, or addresses. */
  paths: string[]
  metadata_file?: string
  sidecars?: boolean
  exif?: ExifFields
  prune?: boolean
  on_duplicate?: OnDuplicate
}

export function startIndexing(collection: string, asked: IndexRequest): Promise<Job> {
  return json(path('collections', collection, 'index'), { method: 'POST', body: asked })
}

/** A JSON merge patch (RFC 7396): null removes a field. The item as it is then. */
export function patchItem(collection: string, id: string, patch: Metadata): Promise<Item> {
  return json(path('collections', collection, 'items', id), { method: 'PATCH', body: patch })
}

export async function deleteItem(collection: string, id: string): Promise<void> {
  await request(path('collections', collection, 'items', id), { method: 'DELETE' })
}

/** How many were there and are gone. */
export async function deleteItems(collection: string, ids: string[]): Promise<number> {
  const call = { method: 'POST', body: { ids } } as const
  return (await json<{ deleted: number }>(path('collections', collection, 'delete'), call)).deleted
}
