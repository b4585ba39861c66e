// A job as it goes, told by the server as it changes.
import { untrack } from 'svelte'
import { getJob, hasEnded, watchJob, type Job } from '../api/jobs'
import { asApiError, isAbort, type ApiError } from '../api/errors'

const AGAIN_MS = 2000

/** Made within a component or an effect: it stops listening with it. */
export class WatchedJob {
  job = $state.raw<Job>() as Job
  error = $state.raw<ApiError>()

  constructor(job: Job, ended: (job: Job) => void = () => {}) {
    this.job = job
    $effect(() => {
      const stop = new AbortController()
      // It sets the job, and is not to begin anew with each word of it.
      untrack(() => void this.follow(stop.signal, ended))
      return () => stop.abort()
    })
  }

  private async follow(signal: AbortSignal, ended: (job: Job) => void): Promise<void> {
    const { id } = this.job
    while (!hasEnded(this.job) && !signal.aborted) {
      try {
        for await (const job of watchJob(id, signal)) this.job = job
        // A stream that ended before the job did was cut.
        if (!hasEnded(this.job)) this.job = await getJob(id, signal)
        this.error = undefined
      } catch (thrown) {
        if (isAbort(thrown) || signal.aborted) return
        this.error = asApiError(thrown)
        if (this.error.status >= 400 && this.error.status < 500) return
      }
      if (hasEnded(this.job)) return ended(this.job)
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}
