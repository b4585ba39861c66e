// What a collection can be asked about all of its items: how good it is, what it can learn, what it has twice.
import { json, path, request } from './client'
import type { Calibration, Classifier } from './types'

export interface Evaluation {
  label: string
  queries: number
  classes: number
  unlabelled: number
  p_at_1: number
  p_at_10: number
  map: number
  recall_at: Record<string, number>
}

export interface CalibrationDetails extends Calibration {
  items: number
  searches: number
  labels: number
  lost: number
  refused: number
  calibration_error: number | null
  bins: { predicted: number; observed: number; count: number }[]
}

export interface ClassifierDetails extends Classifier {
  label: string
  min_confidence: number
  items: number
  held_out: number
  accuracy: number
  calibration_error: number
}

export interface NewClassifier {
  name: string
  kind: 'labels' | 'clusters' | 'text'
  label?: string
  clusters?: number
  classes?: string[]
}

export interface DuplicateMember {
  id: string
  bytes: number
  width: number | null
  height: number | null
  similarity: number
  copy_score: number
  judged_by: 'content' | 'pixels' | 'hash' | 'vectors'
}

export interface DuplicateGroup {
  keep: string
  centre: string
  members: DuplicateMember[]
}

export interface Duplicates {
  items: number
  groups: number
  duplicates: number
  exact: number
  unreadable: number
  seconds: number
  found: DuplicateGroup[]
}

export interface DuplicatesQuery {
  min_copy_score: number
  verify: 'never' | 'unsure' | 'always'
  limit: number
}

export function evaluate(collection: string, label: string, signal?: AbortSignal): Promise<Evaluation> {
  return json(path('collections', collection, 'evaluate'), { method: 'POST', body: { label }, signal })
}

/** Needs the role `write`. Without a label, drops in the similarities tell. */
export function calibrate(collection: string, label: string): Promise<CalibrationDetails> {
  return json(path('collections', collection, 'calibration'), { method: 'POST', body: label ? { label } : {} })
}

/** Needs the role `write`. */
export function trainClassifier(collection: string, wanted: NewClassifier): Promise<ClassifierDetails> {
  return json(path('collections', collection, 'classifiers'), { method: 'POST', body: wanted })
}

/** Needs the role `write`. */
export async function deleteClassifier(collection: string, name: string): Promise<void> {
  await request(path('collections', collection, 'classifiers', name), { method: 'DELETE' })
}

export function findDuplicates(collection: string, asked: DuplicatesQuery, signal?: AbortSignal): Promise<Duplicates> {
  return json(path('collections', collection, 'duplicates'), { method: 'POST', body: asked, signal })
}
