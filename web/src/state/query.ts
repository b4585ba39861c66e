// From a search of the address to the query that the server gets.
import { ApiError } from '../api/errors'
import type * as Api from '../api/types'
import { combinedFilter } from './filter'
import { base64Of, givenPicture } from './given-pictures'
import { DEFAULTS, type Search, type Term } from './search-words'

async function termOf(term: Term): Promise<Api.Term> {
  const rest = { ...(term.weight !== 1 ? { weight: term.weight } : {}), ...(term.crop ? { crop: term.crop } : {}) }
  if (term.kind !== 'picture') return { [term.kind]: term.value, ...rest }
  const given = await givenPicture(term.value)
  if (!given) {
    throw new ApiError(
      'A picture of this search is not here',
      'It was given by hand in another browser, or long ago. Drop it here again, or take it out of the search.',
      0,
      'picture_missing',
    )
  }
  return { base64: await base64Of(given.blob), ...rest }
}

/** The query; what is about showing only (min_similarity, a number as min_confidence, last) is not part of it. */
export async function queryOf(search: Search): Promise<Api.Query> {
  const query: Api.Query = { terms: await Promise.all(search.terms.map(termOf)), k: search.k }
  const filter = combinedFilter(search.filter, search.facets)
  if (filter) query.filter = filter
  if (search.min_confidence === 'auto') query.min_confidence = 'auto'
  if (search.classify) query.classify = search.classify
  if (search.classify && search.class) query.class = search.class
  for (const word of ['regions', 'collapse', 'exclude_self'] as const) if (search[word]) query[word] = true
  if (search.augment !== 'none') query.augment = search.augment
  for (const word of ['seed', 'verify', 'ef', 'nprobe', 'rescore'] as const) {
    if (search[word] !== DEFAULTS[word]) query[word] = search[word]
  }
  return query
}
