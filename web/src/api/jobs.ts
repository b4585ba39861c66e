// Long work that the server does by itself.
import { json, path, request } from './client'
import { readEvents } from './events'
import type { Epoch } from './training'

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

export interface Job {
  id: string
  kind: 'index' | 'put' | 'regions' | 'pull' | 'train' | 'migrate' | 'copy'
  /** The collection; of `pull` the model. */
  subject: string
  state: JobState
  created: string
  started: string | null
  finished: string | null
  progress: { total: number; done: number; indexed: number; skipped: number; failed: number; seconds: number }
  error: { code: string; message: string } | null
  /** More than 1: went on after a restart. */
  starts: number
  /** Of `train`, while it runs: what the progress counts. */
  stage?: 'features' | 'epochs'
  /** Of `train`: those so far; not in lists. */
  epochs?: Epoch[]
}

export interface ItemError {
  uri: string
  code: string
  message: string
}

export function hasEnded(job: Job): boolean {
  return job.state !== 'queued' && job.state !== 'running'
}

/** The newest first; `before`: older than this job. */
export async function listJobs(
  asked: { subject?: string; before?: string; limit: number },
  signal?: AbortSignal,
): Promise<Job[]> {
  return (await json<{ jobs: Job[] }>(path('jobs'), { query: { ...asked }, signal })).jobs
}

export function getJob(id: string, signal?: AbortSignal): Promise<Job> {
  return json(path('jobs', id), { signal })
}

export function cancelJob(id: string): Promise<Job> {
  return json(path('jobs', id, 'cancel'), { method: 'POST' })
}

export async function listFailures(id: string, offset: number, limit: number, signal?: AbortSignal): Promise<ItemError[]> {
  return (await json<{ failures: ItemError[] }>(path('jobs', id, 'failures'), { query: { offset, limit }, signal })).failures
}

/** The job whenever it has changed, until it has ended or the stream is cut. */
export async function* watchJob(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  const { body } = await request(path('jobs', id, 'events'), { signal })
  if (!body) return
  for await (const { event, data } of readEvents(body)) if (event === 'job') yield JSON.parse(data) as Job
}
