// The collection laid out in a plane, its index from within, and the walk of a search: the schemas of docs/openapi.yaml.
import { json, path } from './client'
import type { Query, SearchHit } from './types'

export interface MapPoint {
  id: string
  x: number
  y: number
  /** Of an index with cells. */
  cell?: number
  /** Of a graph: the highest of those whose nodes `inspect` tells. */
  layer: number
  label?: string
}

export interface CollectionMap {
  method: 'pca' | 'umap'
  kind: string
  items: number
  explained_variance: number | null
  points: MapPoint[]
}

export interface MapOptions {
  method: 'pca' | 'umap'
  limit: number
  neighbors: number
  seed: number
  /** A metadata field, @folder, or ''. */
  label: string
}

export interface Cell {
  items: number
  mean_distance: number
  radius: number
  x: number
  y: number
}

export interface IndexView {
  kind: string
  items: number
  dimensions: number
  cells: Cell[]
  layers: { items: number; mean_links: number }[]
  nodes: { id: string; layer: number; x: number; y: number }[]
  links: { from: number; to: number; layer: number }[]
}

export interface WalkStep {
  node: number
  from: number
  layer: number
  similarity: number
}

export interface WalkCandidate {
  node: number
  estimate: number
  similarity: number
  rank: number | null
}

export interface SearchWalk {
  kind: string
  query: { x: number; y: number }
  nodes: { id: string; x: number; y: number }[]
  steps: WalkStep[]
  visits: { cell: number; distance: number; items: number }[]
  candidates: WalkCandidate[]
  scanned: boolean
  hits: SearchHit[]
}

export function getMap(collection: string, options: MapOptions, signal?: AbortSignal): Promise<CollectionMap> {
  const { method, limit, neighbors, seed, label } = options
  const query = { method, limit, label: label || undefined, ...(method === 'umap' ? { neighbors, seed } : {}) }
  return json(path('collections', collection, 'map'), { query, signal })
}

export function inspectIndex(collection: string, signal?: AbortSignal): Promise<IndexView> {
  return json(path('collections', collection, 'inspect'), { signal })
}

export function walkSearch(collection: string, query: Query, signal?: AbortSignal): Promise<SearchWalk> {
  return json(path('collections', collection, 'walk'), { method: 'POST', body: query, signal })
}
