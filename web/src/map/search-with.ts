import { collectionAddress } from '../state/address.svelte'
import { emptySearch, formatSearch, MAX_TERMS } from '../state/search-words'
import { spread } from './spread'

/** The address of a search with the mean of these items. */
export function searchAddress(collection: string, ids: string[]): string {
  const terms = spread(ids, MAX_TERMS).map((value) => ({ kind: 'id' as const, value, weight: 1 }))
  return collectionAddress(collection, '', formatSearch({ ...emptySearch(), terms }))
}
