import { picture } from '../api/expert'
import type { Query } from '../api/types'
import { base64Of } from '../state/given-pictures'
import { queryOf } from '../state/query'
import type { Search } from '../state/search-words'

/**
 * The query whose pictures are drawn with their variants. The server draws pictures, not items of a collection, so these go as the
 * pictures that they have; words have none.
 */
export async function sheetQuery(collection: string, search: Search, signal: AbortSignal): Promise<Query> {
  const pictures = search.terms.filter(({ kind }) => kind !== 'text')
  const { terms } = await queryOf({ ...search, terms: pictures })
  const shown = await Promise.all(
    terms.map(async ({ id, ...rest }) => (id === undefined ? rest : { ...rest, base64: await base64Of(await picture(collection, id, signal)) })),
  )
  return { terms: shown, seed: search.seed }
}
