// What filters and facets choose among: the hits of a search, or the items of a collection.
import type { ApiError } from '../api/errors'
import type { FacetChoice } from '../state/search-words'

export interface Chosen {
  filter: string
  facets: FacetChoice[]
}

export interface Choosing {
  readonly collection: string
  readonly asked: Chosen
  readonly error: ApiError | undefined
  change(chosen: Partial<Chosen>): void
}
