import { collectionAddress } from '../state/address.svelte'
import { emptySearch, formatSearch } from '../state/search-words'

/** Where the walk of a search with this item is shown. */
export function walkAddress(collection: string, id: string): string {
  return collectionAddress(collection, 'inside', formatSearch({ ...emptySearch(), k: 10, terms: [{ kind: 'id', value: id, weight: 1 }] }))
}
