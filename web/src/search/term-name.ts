import { fileName } from '../shared/words'
import type { Term } from '../state/search-words'

/** What a term is called: the words, the file, where from. */
export function termName(term: Term): string {
  if (term.kind === 'text') return `“${term.value}”`
  if (term.kind === 'id') return fileName(term.value)
  if (term.kind === 'picture') return 'Your picture'
  return URL.canParse(term.value) ? new URL(term.value).host : fileName(term.value)
}
