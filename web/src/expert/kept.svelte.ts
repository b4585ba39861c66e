// The expert's choices for each collection, kept over restarts of the browser. They come back when a collection is opened without
// any search in its address; an address that says a search is taken at its word.
import { formatSearch, emptySearch, parseSearch } from '../state/search-words'
import { collectionAddress, place } from '../state/address.svelte'
import { rememberSearch } from '../state/last-search'
import type { CollectionSearch } from '../state/search.svelte'
import { chosen, defaults, sensible, type Choices } from './kept-words'

const KEY = 'eidetic.expert.'

function read(collection: string): Partial<Choices> {
  try {
    return sensible(JSON.parse(localStorage.getItem(KEY + collection) ?? '{}'))
  } catch {
    return {}
  }
}

/** Called once by the search view, when it is made. */
export function keepExpertChoices(collection: string): void {
  if (!place.query) {
    const query = formatSearch({ ...emptySearch(), ...read(collection) })
    if (query) place.go(collectionAddress(collection, '', query), { replace: true })
  }
  $effect(() => {
    if (!place.view && parseSearch(place.query).terms.length) rememberSearch(collection, place.query)
  })
}

/** Searches with these choices, now and when the collection is opened again. */
export function choose(search: CollectionSearch, changes: Partial<Choices>): void {
  const all = { ...chosen(search.asked), ...changes }
  try {
    localStorage.setItem(KEY + search.collection, JSON.stringify(chosen({ ...emptySearch(), ...all })))
  } catch {
    // Storage may be full or forbidden: the address has them all the same.
  }
  // A class is one of a classifier's own.
  search.change('classify' in changes ? { ...changes, class: '' } : changes)
}

export function forget(search: CollectionSearch): void {
  localStorage.removeItem(KEY + search.collection)
  search.change(defaults())
}
