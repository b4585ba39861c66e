// The expert's choices of a search: what of it they are, and how they are kept.
import { DEFAULTS, type Search } from '../state/search-words'

export const WORDS = ['augment', 'seed', 'ef', 'nprobe', 'rescore', 'classify'] as const
export type Choices = Pick<Search, (typeof WORDS)[number]>

/** Of a search, the choices that are not as by default. */
export function chosen(search: Search): Partial<Choices> {
  return Object.fromEntries(WORDS.filter((word) => search[word] !== DEFAULTS[word]).map((word) => [word, search[word]]))
}

export function defaults(): Choices {
  return Object.fromEntries(WORDS.map((word) => [word, DEFAULTS[word]])) as Choices
}

/** What was kept, as far as it still makes sense. */
export function sensible(kept: unknown): Partial<Choices> {
  if (typeof kept !== 'object' || kept === null) return {}
  return Object.fromEntries(Object.entries(kept).filter(([word, value]) => word in defaults() && typeof value === typeof defaults()[word as keyof Choices]))
}
