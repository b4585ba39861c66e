// The search whose walk is shown: a walk is of one search, so what makes several of it is left out, and said.
import { parseSearch, type Search } from '../state/search-words'

export interface Walked {
  search: Search
  /** In words, what of the search is left out. */
  without: string[]
}

export function walkable(asked: Search): Walked {
  const search = { ...asked, last: [], min_similarity: 0 }
  const without: string[] = []
  if (search.augment === 'pool' || search.augment === 'parts') {
    without.push(search.augment === 'pool' ? 'the variants of the picture' : 'the parts of the picture')
    search.augment = 'none'
  }
  if (search.classify) {
    without.push('the classifier')
    search.classify = search.class = ''
  }
  if (search.regions) {
    without.push('the parts of the items')
    search.regions = false
  }
  return { search, without }
}

export function parseWalk(query: string): Walked {
  return walkable(parseSearch(query))
}
