import { collectionAddress } from '../state/address.svelte'
import { emptySearch, formatSearch, MAX_TERMS } from '../state/search-words'

/** Of many ids as many as a search takes, spread evenly over them. */
export function spread<T>(all: T[], most: number): T[] {
  if (all.length <= most) return all
  return Array.from({ length: most }, (_, place) => all[Math.floor(((place + 0.5) * all.length) / most)] as T)
}

/** The address of a search with the mean of these items. */
export function searchAddress(collection: string, ids: string[]): string {
  const terms = spread(ids, MAX_TERMS).map((value) => ({ kind: 'id' as const, value, weight: 1 }))
  return collectionAddress(collection, '', formatSearch({ ...emptySearch(), terms }))
}
