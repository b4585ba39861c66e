// Models that are learnt from collections. Starting and deleting need the role `admin`.
import { json, path, request } from './client'
import type { Job } from './jobs'
import type { Item } from './types'

export interface TrainingRequest {
  label: string
  group: string
  split_by: 'within' | 'classes'
  split: number
  name: string
  trunk_model: string
  /** Pixels of the longer side; 0: as the trunk's bundle says. */
  input_size: number
  embedder_layers: number[]
  views: number
  loss: string
  margin: number | null
  scale: number | null
  miner: string
  batch_size: number
  sampler_m: number
  epochs: number
  lr: number
  weight_decay: number
  optimizer: string
  warmup: number
  schedule: string
  patience: number
  seed: number
}

/** Of the pictures held out, means; 0 to 1. */
export interface Measures {
  p_at_1: number
  p_at_10: number
  r_precision: number
  map: number
  map_at_r: number
  mrr: number
}

export interface Epoch extends Measures {
  epoch: number
  loss: number
  lr: number
  mined: number
  seconds: number
}

export interface TrainReport {
  /** The model's folder; '' where it is not there yet. */
  model: string
  folder: string
  items: number
  classes: number
  learnt: number
  held_out: number
  failed: number
  before: Measures
  before_margin: Measures
  after: Measures
  after_margin: Measures
  best_epoch: number
  /** Not in lists. */
  epochs?: Epoch[]
  worst: (Measures & { class: string; queries: number })[]
  /** Held out, and nearest to one of another class: the most first. */
  confusions: { class: string; taken_for: string; count: number; id: string; nearest: string; similarity: number }[]
  seconds: number
  interrupted: boolean
}

export interface Training {
  name: string
  request: TrainingRequest & { collection: string }
  job: Job | null
  report: TrainReport
}

export function startTraining(collection: string, wanted: TrainingRequest): Promise<Job> {
  return json(path('collections', collection, 'train'), { method: 'POST', body: wanted })
}

/** The latest first. */
export async function listTrainings(signal?: AbortSignal): Promise<Training[]> {
  return (await json<{ trainings: Training[] }>(path('trainings'), { signal })).trainings
}

export function getTraining(name: string, signal?: AbortSignal): Promise<Training> {
  return json(path('trainings', name), { signal })
}

export async function deleteTraining(name: string): Promise<void> {
  await request(path('trainings', name), { method: 'DELETE' })
}

export type TrainingFile = 'report.html' | 'epochs.csv' | 'events.out.tfevents.eidetic'

export function trainingFileAddress(name: string, file: TrainingFile): string {
  return path('trainings', name, file)
}

/** The ids of the items of a collection, at most `most`. */
export async function itemIds(collection: string, most: number, signal?: AbortSignal): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = ''
  while (cursor !== null && ids.length < most) {
    const query: { limit: number; cursor?: string } = { limit: Math.min(1000, most - ids.length), ...(cursor && { cursor }) }
    const page: { items: Item[]; next: string | null } = await json(path('collections', collection, 'items'), { query, signal })
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.next
  }
  return ids
}
