// Pictures on their way to the server: in batches of a few megabytes, a few at a time. Goes on while other views are shown.
import { addItems, putPicture, type ExifFields, type NewItem, type OnDuplicate, type PutResult } from '../api/changes'
import { ApiError, asApiError, isAbort } from '../api/errors'
import type { Metadata } from '../api/types'
import { session } from '../state/session.svelte'
import { takeBatch, type Limits } from './batches'

export interface Sending {
  id: string
  file: File
  metadata: Metadata | undefined
}

export interface Refused {
  sending: Sending
  reason: string
}

export interface UploadOptions {
  on_duplicate: OnDuplicate
  exif: ExifFields
}

const PARALLEL = 3
const BATCH: Limits = { bytes: 4_000_000, count: 32 }
// What base64 and the rest of the JSON leave of a request for the pictures themselves.
const PAYLOAD = 0.7
// What has not to do with the pictures: the next ones would fare no better.
const HALTING = new Set([0, 401, 403, 404, 408, 500])
const BUSY = new Set([429, 503])
const BUSY_S = 2

function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,?/, ''))
    reader.onerror = () => reject(new Error('it cannot be read on this device: it may have been moved or changed'))
    reader.readAsDataURL(file)
  })
}

export class Upload {
  state = $state<'running' | 'paused' | 'stopped' | 'done'>('running')
  total = $state(0)
  totalBytes = $state(0)
  sentBytes = $state(0)
  created = $state(0)
  replaced = $state(0)
  unchanged = $state(0)
  skipped = $state(0)
  refused = $state.raw<Refused[]>([])
  /** Why it pauses by itself, or waits. */
  halt = $state.raw<ApiError>()

  readonly finished = $derived(this.created + this.replaced + this.unchanged + this.skipped + this.refused.length)
  readonly active = $derived(this.state === 'running' || this.state === 'paused')

  /** The next one is the last. */
  private queue: Sending[]
  private workers = 0
  private cut = new AbortController()
  private readonly limits: Limits

  constructor(
    readonly number: number,
    readonly collection: string,
    files: Sending[],
    readonly options: UploadOptions,
  ) {
    const most = session.facts?.limits['json_body_bytes'] ?? Infinity
    this.limits = { ...BATCH, bytes: Math.min(BATCH.bytes, most * PAYLOAD) }
    this.queue = [...files].reverse()
    this.total = files.length
    this.totalBytes = files.reduce((sum, { file }) => sum + file.size, 0)
    this.run()
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused'
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.state = 'running'
    this.halt = undefined
    this.run()
  }

  /** What has arrived stays. */
  stop(): void {
    if (!this.active) return
    this.state = 'stopped'
    this.queue = []
    this.cut.abort()
  }

  /** Those that failed, once more. */
  retry(): void {
    if (this.active) return
    const again = this.refused.map(({ sending }) => sending)
    this.total = this.finished
    this.totalBytes = this.sentBytes
    this.refused = []
    this.sentBytes -= again.reduce((sum, { file }) => sum + file.size, 0)
    this.queue = again.reverse()
    this.cut = new AbortController()
    this.state = 'running'
    this.run()
  }

  private run(): void {
    while (this.workers < PARALLEL) {
      ++this.workers
      void this.work().finally(() => {
        --this.workers
        if (!this.workers && this.state === 'running') {
          // Another worker may have put its batch back after this one saw an empty queue.
          if (this.queue.length) this.run()
          else this.state = 'done'
        }
      })
    }
  }

  private async work(): Promise<void> {
    while (this.state === 'running') {
      const batch = takeBatch(this.queue, this.limits)
      if (!batch.length) return
      try {
        await this.send(batch)
      } catch (thrown) {
        if (isAbort(thrown) || this.cut.signal.aborted) return
        const error = asApiError(thrown)
        if (BUSY.has(error.status)) {
          this.queue.push(...batch.reverse())
          this.halt = error
          await new Promise((resolve) => setTimeout(resolve, (error.retryAfterS ?? BUSY_S) * 1000))
          if (this.state === 'running') this.halt = undefined
        } else if (HALTING.has(error.status)) {
          this.queue.push(...batch.reverse())
          this.halt = error
          this.pause()
        } else await this.sendOneByOne(batch, error)
      }
    }
  }

  /** The request was refused as a whole: by which of them? */
  private async sendOneByOne(batch: Sending[], error: ApiError): Promise<void> {
    if (batch.length === 1 && batch[0]) return this.settle(batch[0], { error: { code: error.code, message: error.detail } })
    for (const each of batch) {
      try {
        await this.send([each])
      } catch (thrown) {
        if (isAbort(thrown) || this.cut.signal.aborted) return
        const { code, detail } = asApiError(thrown)
        this.settle(each, { error: { code, message: detail } })
      }
    }
  }

  private async send(batch: Sending[]): Promise<void> {
    const [only] = batch
    const { exif, on_duplicate } = this.options
    if (only && batch.length === 1 && only.file.size > this.limits.bytes) {
      const facts = { metadata: only.metadata, exif, on_duplicate }
      return this.settle(only, await putPicture(this.collection, only.id, only.file, facts, this.cut.signal))
    }
    const readable: Sending[] = []
    const items: NewItem[] = []
    for (const each of batch) {
      try {
        const base64 = await base64Of(each.file)
        readable.push(each)
        items.push({ id: each.id, base64, exif, ...(each.metadata ? { metadata: each.metadata } : {}) })
      } catch (thrown) {
        this.settle(each, { error: { code: 'unavailable', message: asApiError(thrown).detail } })
      }
    }
    batch.splice(0, batch.length, ...readable)
    if (!items.length) return
    const results = await addItems(this.collection, items, on_duplicate, this.cut.signal)
    readable.forEach((each, index) => {
      const result = results[index]
      this.settle(each, result ?? { error: { code: 'internal', message: 'the server did not say what became of it' } })
    })
  }

  private settle(sending: Sending, result: PutResult): void {
    this.sentBytes += sending.file.size
    if ('error' in result) this.refused = [...this.refused, { sending, reason: result.error.message }]
    else ++this[result.outcome]
  }
}

class Uploads {
  all = $state.raw<Upload[]>([])
  readonly active = $derived(this.all.filter((upload) => upload.active))
  private last = 0

  start(collection: string, files: Sending[], options: UploadOptions): Upload {
    const upload = new Upload(++this.last, collection, files, options)
    this.all = [upload, ...this.all]
    return upload
  }

  forget(upload: Upload): void {
    this.all = this.all.filter((other) => other !== upload)
  }
}

export const uploads = new Uploads()

/** Leaving the page while pictures are on their way asks first. Called once, by the root component. */
export function warnOfLeaving(): void {
  $effect(() => {
    if (!uploads.active.length) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  })
}
