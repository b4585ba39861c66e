// The items of a collection, page by page. What is looked at stands in the address: filter, facets, order, the item that is open.
import { listItems } from '../api/changes'
import { asApiError, type ApiError } from '../api/errors'
import type { Item } from '../api/types'
import type { Choosing, Chosen } from '../results/choosing'
import { collectionAddress, place } from '../state/address.svelte'
import { combinedFilter } from '../state/filter'
import { parseSearch } from '../state/search-words'

export const VIEW = 'pictures'
const PAGE = 60

interface Browsed extends Chosen {
  /** As the API has it: '' is by id. */
  sort: string
  /** The one that is open. */
  item: string
}

function parse(query: string): Browsed {
  const words = new URLSearchParams(query)
  const { filter, facets } = parseSearch(query)
  return { filter, facets, sort: words.get('sort') ?? '', item: words.get('item') ?? '' }
}

function format({ filter, facets, sort, item }: Browsed): string {
  const words = new URLSearchParams()
  if (filter) words.set('filter', filter)
  if (sort) words.set('sort', sort)
  for (const { field, values } of facets) words.append('facet', JSON.stringify([field, ...values]))
  if (item) words.set('item', item)
  return words.size ? `?${words}` : ''
}

export class Browsing implements Choosing {
  readonly asked: Browsed = $derived(parse(place.query))
  items = $state.raw<Item[]>([])
  /** There are more behind them. */
  more = $state(false)
  loading = $state(false)
  error = $state.raw<ApiError>()
  selected = $state.raw(new Set<string>())

  private cursor = ''
  private stop = new AbortController()
  private readonly question = $derived(
    JSON.stringify([combinedFilter(this.asked.filter, this.asked.facets), this.asked.sort] satisfies [string, string]),
  )

  constructor(readonly collection: string) {
    $effect(() => {
      void this.question
      this.again()
      return () => this.stop.abort()
    })
  }

  /** From the start. */
  again = (): void => {
    this.stop.abort()
    this.stop = new AbortController()
    this.cursor = ''
    this.selected = new Set()
    void this.read([])
  }

  async readMore(): Promise<void> {
    if (!this.loading && this.more) await this.read(this.items)
  }

  private async read(before: Item[]): Promise<void> {
    const { signal } = this.stop
    const [filter, sort] = JSON.parse(this.question) as [string, string]
    this.loading = true
    this.error = undefined
    try {
      let items = before
      // Pages of a filter may be short, or empty, though more follow.
      do {
        const asked = { limit: PAGE, filter: filter || undefined, sort: sort || undefined, cursor: this.cursor || undefined }
        const page = await listItems(this.collection, asked, signal)
        if (signal.aborted) return
        items = [...items, ...page.items]
        this.cursor = page.next ?? ''
      } while (this.cursor && items.length < before.length + PAGE / 2)
      this.items = items
      this.more = this.cursor !== ''
    } catch (thrown) {
      if (signal.aborted) return
      this.error = asApiError(thrown)
      if (!before.length) this.items = []
      this.more = false
    }
    this.loading = false
  }

  change(changes: Partial<Browsed>): void {
    const replace = 'item' in changes && !!changes.item && !!this.asked.item
    place.go(collectionAddress(this.collection, VIEW, format({ ...this.asked, ...changes })), { replace })
  }

  /** The items that changed, or went. */
  put(item: Item): void {
    this.items = this.items.map((each) => (each.id === item.id ? item : each))
  }

  remove(ids: ReadonlySet<string>): void {
    this.items = this.items.filter(({ id }) => !ids.has(id))
    this.selected = new Set([...this.selected].filter((id) => !ids.has(id)))
  }

  /** Selects or leaves one; with `reach`, all from the one before to this. */
  select(id: string, on: boolean, reach: string): void {
    const selected = new Set(this.selected)
    const ends = [id, reach].map((each) => this.items.findIndex((item) => item.id === each)).sort((a, b) => a - b)
    const [from = -1, to = -1] = ends
    const ids = reach && from >= 0 ? this.items.slice(from, to + 1).map((item) => item.id) : [id]
    for (const each of ids) on ? selected.add(each) : selected.delete(each)
    this.selected = selected
  }

  selectAll(): void {
    this.selected = new Set(this.items.map(({ id }) => id))
  }

  selectNone(): void {
    this.selected = new Set()
  }
}
