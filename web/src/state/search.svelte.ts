// The search of a collection: what is asked stands in the address; here it runs, and its answer is held.
import { asApiError, isAbort, type ApiError } from '../api/errors'
import { search as ask } from '../api/search'
import type { SearchHit, SearchResult } from '../api/types'
import { collectionAddress, place } from './address.svelte'
import { keepPicture } from './given-pictures'
import { queryOf } from './query'
import { emptySearch, formatSearch, MAX_TERMS, parseSearch, sameTerms, type Search, type Term } from './search-words'

// A slider that has not moved for so long has come to rest.
const RESTS_MS = 180

/** Whether a share is at least so large, rounded to four digits first, as the server does. */
function reaches(share: number, least: number): boolean {
  return Math.round(share * 1e4) >= Math.round(least * 1e4)
}

export class CollectionSearch {
  private readonly committed = $derived(parseSearch(place.query))
  // What a slider that moves has changed, before the address says so: browsers refuse to write addresses at every step.
  private moving = $state.raw<Partial<Search>>({})
  private commitTimer: ReturnType<typeof setTimeout> | undefined
  readonly asked: Search = $derived({ ...this.committed, ...this.moving })
  result = $state.raw<SearchResult>()
  error = $state.raw<ApiError>()
  running = $state(false)
  /** Milliseconds from asking to the answer, as they passed here. */
  tookMs = $state(0)

  /** Of the hits, those the thresholds let through; one of which no confidence is known is not left out for it. */
  readonly shown: SearchHit[] = $derived.by(() => {
    const { min_similarity, min_confidence } = this.asked
    const hits = this.result?.hits ?? []
    const similar = min_similarity > 0 ? hits.filter((hit) => reaches(hit.similarity, min_similarity / 100)) : hits
    if (min_confidence === 'auto' || min_confidence === 0) return similar
    return similar.filter((hit) => reaches(hit.confidence ?? 1, min_confidence))
  })

  // What the server is asked, without what is about showing only: the search runs again when this changes.
  private readonly question = $derived(
    formatSearch({
      ...this.committed,
      min_similarity: 0,
      min_confidence: this.committed.min_confidence === 'auto' ? 'auto' : 0,
      last: [],
    }),
  )

  constructor(readonly collection: string) {
    $effect(() => this.run(this.question))
  }

  private run(question: string): () => void {
    const stop = new AbortController()
    const search = parseSearch(question)
    if (!search.terms.length) {
      this.result = this.error = undefined
      this.running = false
      return () => undefined
    }
    this.running = true
    void this.answer(search, stop.signal)
    return () => stop.abort()
  }

  private async answer(search: Search, signal: AbortSignal): Promise<void> {
    const started = performance.now()
    try {
      const query = await queryOf(search)
      const result = await ask(this.collection, query, signal)
      this.tookMs = performance.now() - started
      this.result = result
      this.error = undefined
    } catch (thrown) {
      if (signal.aborted || isAbort(thrown)) return
      this.result = undefined
      this.error = asApiError(thrown)
    }
    if (!signal.aborted) this.running = false
  }

  again = (): void => void this.run(this.question)

  /** Asks something else. The terms that go become the last ones. */
  change(changes: Partial<Search>): void {
    const { asked } = this
    const next = { ...asked, ...changes }
    const { terms } = changes
    if (terms && !changes.last && asked.terms.length && !sameTerms(terms, asked.terms)) next.last = asked.terms
    this.go(next)
  }

  /** The same while a slider moves: shown at once, asked when it rests, and the back button skips all of it. */
  slide(changes: Partial<Search>): void {
    this.moving = { ...this.moving, ...changes }
    clearTimeout(this.commitTimer)
    this.commitTimer = setTimeout(() => this.go(this.asked, true), RESTS_MS)
  }

  private go(next: Search, replace = false): void {
    clearTimeout(this.commitTimer)
    this.moving = {}
    // Another query has other results, and they are looked at from the first.
    const scroll = !replace && !sameTerms(next.terms, this.committed.terms)
    place.go(collectionAddress(this.collection, '', formatSearch(next)), { replace, scroll })
  }

  /** A search with this alone. */
  searchWith(term: Omit<Term, 'weight'>): void {
    this.change({ terms: [{ weight: 1, ...term }] })
  }

  /** One term more; the same again gets the other weight. */
  add(term: Term): void {
    const others = this.asked.terms.filter((each) => each.kind !== term.kind || each.value !== term.value)
    this.change({ terms: [...others, term].slice(-MAX_TERMS) })
  }

  /** Pictures given by hand, each a term. With `fresh` they take the place of the search that is there. */
  async give(pictures: { blob: Blob; name: string }[], { fresh = false } = {}): Promise<void> {
    const terms: Term[] = []
    for (const { blob, name } of pictures) terms.push({ kind: 'picture', value: await keepPicture(blob, name), weight: 1 })
    if (terms.length) this.change({ terms: [...(fresh ? [] : this.asked.terms), ...terms].slice(-MAX_TERMS) })
  }

  changeTerm(index: number, changes: Partial<Term>): void {
    this.change({ terms: this.changedTerms(index, changes) })
  }

  slideTerm(index: number, changes: Partial<Term>): void {
    this.slide({ terms: this.changedTerms(index, changes) })
  }

  private changedTerms(index: number, changes: Partial<Term>): Term[] {
    return this.asked.terms.map((term, at) => (at === index ? { ...term, ...changes } : term))
  }

  removeTerm(index: number): void {
    this.change({ terms: this.asked.terms.filter((_, at) => at !== index) })
  }

  resetAll(): void {
    this.go(emptySearch())
  }

  resetPictures(): void {
    this.change({ terms: [], last: [] })
  }
}
