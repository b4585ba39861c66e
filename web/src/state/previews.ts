// What the browser cannot show or read by itself, as the server shows it: pictures of kinds that it does not know, and addresses
// elsewhere. The newest are held, so that the same address is not read again for each place that shows it.
import { preview } from '../api/search'
import { givenPicture } from './given-pictures'
import type { Term } from './search-words'

const MOST = 40
const held = new Map<string, Promise<Blob>>()

async function ask({ kind, value }: Pick<Term, 'kind' | 'value'>, size: number): Promise<Blob> {
  if (kind === 'uri') return preview({ uri: value }, size)
  const given = await givenPicture(value)
  if (!given) throw new Error('it is no longer here')
  return preview(given.blob, size)
}

/** The picture of a term by address or given by hand, as a JPEG; size: pixels of the longer side. */
export function previewOf(term: Pick<Term, 'kind' | 'value'>, size: number): Promise<Blob> {
  const key = `${size} ${term.kind} ${term.value}`
  const known = held.get(key)
  if (known) return known
  const asked = ask(term, size)
  held.set(key, asked)
  const [oldest] = held.keys()
  if (held.size > MOST && oldest !== undefined) held.delete(oldest)
  // What failed may be there another time.
  asked.catch(() => held.delete(key))
  return asked
}
