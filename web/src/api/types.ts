// What the server says and is told: the schemas of docs/openapi.yaml that the page uses, under their names there.
import type { Migration } from './migration'

export interface Collection {
  name: string
  items: number
  /** '' of a collection of bare vectors. */
  model: string
  dimensions: number
  metric: 'cosine' | 'dot' | 'euclidean'
  index: string
  index_kind: string
  index_building: string
  backend: string
  index_note: string
  regions: string
  region_vectors: number
  memory_bytes: number
  disk_bytes: number
  created: string
  pending_jobs: number
  watch: string[]
  /** Its change to another model; null: there is none. */
  migration: Migration | null
  /** What is in it, and where from, for people; '' or absent: nobody said. */
  description?: string
  source?: string
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Metadata = { [key: string]: Json }

export interface Item {
  id: string
  uri: string
  content_hash: string
  size_bytes: number
  modified: string | null
  metadata: Metadata
}

export interface Region {
  x: number
  y: number
  width: number
  height: number
}

export interface Point {
  x: number
  y: number
}

export interface Verification {
  verified: boolean
  matches: number
  note?: string
  inliers?: number
  score?: number
  mirrored?: boolean
  whole_query?: boolean
  quad?: Point[]
  query_quad?: Point[]
  hit_overlap_pct?: number
  query_overlap_pct?: number
}

export interface CopyOf {
  id: string
  copy_score: number
  judged_by: 'content' | 'pixels' | 'hash' | 'vectors'
}

export interface SearchHit {
  id: string
  similarity: number
  distance: number
  uri: string
  metadata: Metadata
  confidence?: number
  region?: Region
  query_region?: Region
  copies?: CopyOf[]
  verification?: Verification
}

export interface Classification {
  classifier: string
  class: string
  confidence: number
  given: boolean
  fallback: '' | 'unsure' | 'empty' | 'nearer'
  classes: { class: string; probability: number }[]
}

export interface Explanation {
  filter: string
  candidates: number
  own: number
  copies: number
  below_similarity: number
  below_confidence: number
  classification?: Classification
  verified: number
  notes: string[]
}

export interface SearchResult {
  collection: string
  hits: SearchHit[]
  nothing_similar: boolean
  timings_ms: Record<string, number>
  items_per_s: Record<string, number>
  explain: Explanation
}

export interface Term {
  uri?: string
  base64?: string
  id?: string
  text?: string
  crop?: Region
  weight?: number
}

export interface Query {
  terms: Term[]
  k?: number
  filter?: string
  min_confidence?: number | 'auto'
  classify?: string
  class?: string
  exclude_self?: boolean
  regions?: boolean
  collapse?: boolean
  augment?: 'none' | 'pool' | 'mean' | 'parts'
  seed?: number
  verify?: number
  ef?: number
  nprobe?: number
  rescore?: number
}

export interface Facet {
  field: string
  without: number
  distinct: number
  least: number | null
  largest: number | null
  values: { value: Json; items: number }[]
}

export interface Classifier {
  name: string
  kind: 'labels' | 'clusters' | 'text'
  classes: string[]
}

export interface Calibration {
  label: string
  recommended: number
}

export interface Model {
  name: string
  bundle?: { [key: string]: Json }
}

export interface ServerFacts {
  version: string
  role: 'none' | 'read' | 'write' | 'admin'
  limits: Record<string, number>
  /** Where collections are kept: 'embedded' first, then URLs of search engines. `preferred`: those that do not say it. */
  backends: { name: string; preferred: boolean }[]
}
