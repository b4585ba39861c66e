// Sets a metadata field on many items: a few requests at a time, each item for itself.
import { ApiError, asApiError } from '../api/errors'
import { patchMetadata } from '../api/metadata'
import type { Json } from '../api/types'

export interface Tagged {
  done: number
  failed: { id: string; reason: string }[]
  /** The server asked to stop, or the person did; the rest is as it was. */
  stopped: boolean
}

const AT_ONCE = 4
const PATIENCE = 3

const pause = (seconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

async function patchOne(collection: string, id: string, patch: { [key: string]: Json }, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; ++attempt) {
    try {
      return void (await patchMetadata(collection, id, patch, signal))
    } catch (thrown) {
      const busy = thrown instanceof ApiError && (thrown.status === 429 || thrown.status === 503)
      if (!busy || attempt > PATIENCE || signal.aborted) throw thrown
      await pause(thrown.retryAfterS ?? attempt, signal)
    }
  }
}

/** `null` takes the field away. `progress` hears after each item how many are done. */
export async function tagItems(
  collection: string,
  ids: string[],
  field: string,
  value: Json,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<Tagged> {
  const result: Tagged = { done: 0, failed: [], stopped: false }
  let next = 0
  const work = async () => {
    while (next < ids.length && !result.stopped) {
      const id = ids[next++] as string
      try {
        await patchOne(collection, id, { [field]: value }, signal)
        result.done++
      } catch (thrown) {
        if (signal.aborted) result.stopped = true
        else {
          const error = asApiError(thrown)
          result.failed.push({ id, reason: error.message })
          // What no item will be allowed is not asked for every one of them.
          if (error.status === 401 || error.status === 403 || error.status === 0) result.stopped = true
        }
      }
      progress(result.done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return result
}

export type ValueKind = 'text' | 'number' | 'truth' | 'none'

/** What was typed as the value it stands for; undefined where it is none of that kind. */
export function typedValue(kind: ValueKind, text: string): Json | undefined {
  if (kind === 'none') return null
  if (kind === 'text') return text
  if (kind === 'truth') return text === 'true'
  const number = Number(text)
  return text.trim() !== '' && Number.isFinite(number) ? number : undefined
}
