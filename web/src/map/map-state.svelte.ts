// The map of a collection: what is asked stands in the address; here it is fetched and held, with what is selected on it.
import { untrack } from 'svelte'
import { SvelteSet } from 'svelte/reactivity'
import { asApiError, isAbort, type ApiError } from '../api/errors'
import { sampleItems } from '../api/items'
import { getMap, type CollectionMap } from '../api/inside'
import { PointSet } from '../plane/points'
import { collectionAddress, place } from '../state/address.svelte'
import { groupingsOf, groupPoints, paint, type Grouping } from './groups'
import { DEFAULTS, formatMap, parseMap, type MapWords } from './map-words'

// Items whose ids tell whether there are folders.
const LOOKED_AT = 200

export class MapState {
  readonly asked: MapWords = $derived(parseMap(place.query))
  map = $state.raw<CollectionMap>()
  error = $state.raw<ApiError>()
  /** Since when the server computes, in performance.now(); 0: it does not. */
  since = $state(0)
  /** Places in `map.points`. */
  selected = $state.raw<ReadonlySet<number>>(new Set())
  hidden = new SvelteSet<number>()
  /** The group that is looked at alone. */
  only = $state<number>()

  readonly points = $derived(new PointSet(this.map?.points ?? []))
  readonly groupings = $derived(groupingsOf(this.map?.points ?? []))
  readonly grouping: Grouping = $derived.by(() => {
    const { colour, label } = this.asked
    if (colour && this.groupings.includes(colour)) return colour
    if (!label && !colour) return 'none'
    return this.groupings[0] ?? 'none'
  })
  readonly grouped = $derived(groupPoints(this.map?.points ?? [], this.grouping))
  readonly colours = $derived(paint(this.grouped, this.hidden, this.selected, this.only))

  // What the server is asked; colours alone change nothing of it.
  private readonly question = $derived(formatMap({ ...this.asked, colour: '' }))
  private stop = new AbortController()

  constructor(readonly collection: string) {
    $effect(() => {
      void this.load(this.question)
      return () => this.stop.abort()
    })
    $effect(() => {
      void this.grouped
      untrack(() => this.hidden.clear())
      this.only = undefined
    })
  }

  private async load(question: string): Promise<void> {
    this.stop.abort()
    const stop = (this.stop = new AbortController())
    this.since = performance.now()
    this.error = undefined
    try {
      const asked = parseMap(question)
      if (asked.label === DEFAULTS.label && !(await this.hasFolders(stop.signal))) asked.label = ''
      const map = await getMap(this.collection, asked, stop.signal)
      if (stop.signal.aborted) return
      this.adopt(map)
    } catch (thrown) {
      if (stop.signal.aborted || isAbort(thrown)) return
      this.error = asApiError(thrown)
    }
    this.since = 0
  }

  // The server refuses a label that no item has, and only once it has laid them out.
  private async hasFolders(signal: AbortSignal): Promise<boolean> {
    const items = await sampleItems(this.collection, LOOKED_AT, 1, signal)
    return items.some(({ id }) => id.includes('/'))
  }

  /** What is selected stays so where it is on the new map. */
  private adopt(map: CollectionMap): void {
    const ids = new Set(this.selectedIds())
    this.map = map
    const places = new Set<number>()
    if (ids.size) map.points.forEach(({ id }, index) => ids.has(id) && places.add(index))
    this.selected = places
  }

  cancel = (): void => {
    this.stop.abort()
    this.since = 0
  }
  again = (): void => void this.load(this.question)

  change(changes: Partial<MapWords>): void {
    place.go(collectionAddress(this.collection, 'map', formatMap({ ...this.asked, ...changes })))
  }

  private readonly places = $derived(new Map(this.map?.points.map(({ id }, index) => [id, index])))
  /** Where an item is; undefined: not on this map. */
  placeOf(id: string): number | undefined {
    return this.places.get(id)
  }
  id(index: number): string {
    return this.map?.points[index]?.id ?? ''
  }
  groupName(index: number): string {
    return this.grouped.groups[this.grouped.of[index] ?? 0]?.name ?? ''
  }
  selectedIds(): string[] {
    return [...this.selected].map((index) => this.id(index))
  }

  /** `more`: beside those selected already. */
  select(indices: Iterable<number>, more = false): void {
    this.selected = new Set(more ? [...this.selected, ...indices] : indices)
  }
  toggle(index: number): void {
    const next = new Set(this.selected)
    if (!next.delete(index)) next.add(index)
    this.selected = next
  }
  inGroup(group: number): number[] {
    const found: number[] = []
    this.grouped.of.forEach((of, index) => of === group && found.push(index))
    return found
  }
}
