// What changes collections: needs the role `admin`, where it is not said otherwise.
import { blob, json, path, request } from './client'
import type { Job } from './jobs'
import type { Collection, Model } from './types'

/** What the server says of a collection to those who look after it. */
export interface CollectionDetails extends Collection {
  /** What makes its vectors comparable with others. */
  space: string
  precision: string
  search: SearchDepth
  index_training: { items: number; sampled: number; explained_variance: number; seconds: number } | null
}

/** 0: the index's own. */
export interface SearchDepth {
  ef: number
  nprobe: number
  rescore: number
}

export interface NewCollection {
  model?: string
  index?: string
  metric?: string
  regions?: string
  description?: string
  source?: string
  /** 'embedded', or the URL of a search engine that the server knows. */
  backend?: string
}

export interface CollectionChange {
  index?: string
  rebuild?: boolean
  search?: SearchDepth
  watch?: string[]
  description?: string
  source?: string
}

export function getDetails(name: string, signal?: AbortSignal): Promise<CollectionDetails> {
  return json(path('collections', name), { signal })
}

export function createCollection(name: string, wanted: NewCollection): Promise<CollectionDetails> {
  return json(path('collections', name), { method: 'PUT', body: wanted })
}

export function changeCollection(name: string, change: CollectionChange): Promise<CollectionDetails> {
  return json(path('collections', name), { method: 'PATCH', body: change })
}

export async function dropCollection(name: string): Promise<void> {
  await request(path('collections', name), { method: 'DELETE' })
}

/** Needs the role `write`. */
export function setRegions(name: string, plan: string): Promise<Job> {
  return json(path('collections', name, 'regions'), { method: 'POST', body: { plan } })
}

export function exportAddress(name: string): string {
  return path('collections', name, 'export')
}

export function exportCollection(name: string, signal?: AbortSignal): Promise<Blob> {
  return blob(exportAddress(name), { signal })
}

/** Of a file that was exported; under another name than the file says, where one is given. */
export function importCollection(file: Blob, name: string, signal?: AbortSignal): Promise<Collection> {
  const body = new Blob([file], { type: 'application/octet-stream' })
  return json('/v1/import', { method: 'POST', query: { name: name || undefined }, body, signal })
}

/** Needs the role `write`. */
export function mergeCollection(
  name: string,
  from: string,
  replace: boolean,
): Promise<{ added: number; replaced: number; kept: number }> {
  return json(path('collections', name, 'merge'), { method: 'POST', body: { from, replace } })
}

/** Into another backend, or the same under another name. */
export function copyCollection(name: string, to: string, as: string): Promise<Job> {
  return json(path('collections', name, 'copy'), { method: 'POST', body: { to, ...(as ? { as } : {}) } })
}

export async function listModels(signal?: AbortSignal): Promise<Model[]> {
  return (await json<{ models: Model[] }>(path('models'), { signal })).models
}
