// A collection's change to another model, while it is searched. Steps need the role `admin`.
import { json, path } from './client'
import type { Job } from './jobs'
import type { Measures } from './training'

export interface Migration {
  /** Whose vectors lie beside those that are searched: the new model, and once switched the old one. */
  model: string
  /** embedding: also where that was stopped; ready: waits for the switch. */
  state: 'embedding' | 'ready' | 'switched'
  total: number
  done: number
  failed: number
  /** Once switched: when the old vectors go. */
  until: string | null
  notes: string[]
}

export interface ComparedHit {
  id: string
  similarity: number
}

interface LabelReport extends Measures {
  margin: Measures
}

export interface Comparison {
  model: string
  other_model: string
  items: number
  compared: number
  /** Of the first ten hits, the share that both have. */
  overlap: number
  overlap_margin: number
  same_first: number
  searches: { id: string; overlap: number; hits: ComparedHit[]; other_hits: ComparedHit[] }[]
  report: LabelReport | null
  other_report: LabelReport | null
}

export type Step = { step: 'prepare'; model: string } | { step: 'switch'; drop_failed?: boolean } | { step: 'rollback' }

export function migrate(collection: string, step: Step): Promise<Job> {
  return json(path('collections', collection, 'migrate'), { method: 'POST', body: step })
}

/** Before the switch. */
export async function cancelMigration(collection: string): Promise<void> {
  await json(path('collections', collection, 'migrate', 'cancel'), { method: 'POST' })
}

/** After the switch: the old vectors go now. */
export async function finishMigration(collection: string): Promise<void> {
  await json(path('collections', collection, 'migrate', 'finish'), { method: 'POST' })
}

/** Needs the role `read`. */
export function compareModels(
  collection: string,
  asked: { sample: number; seed: number; label?: string },
  signal?: AbortSignal,
): Promise<Comparison> {
  return json(path('collections', collection, 'migrate', 'compare'), { method: 'POST', body: asked, signal })
}
