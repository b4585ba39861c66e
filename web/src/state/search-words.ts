// A search as the query of the page's address, and back. The words are the API's own (`Query` in docs/openapi.yaml): a term begins
// with id, uri, text or picture, and the weight and crop behind it are its own. What stands at its default is left out.
//
//   ?id=shoes/12.jpg&text=red&weight=-0.5&k=100&filter=price < 50
//
// The page's own words: `picture` (a picture given by hand, kept on this machine: state/given-pictures), `facet` (a field and the
// values that are wanted, as JSON), `last` (the terms of the search before, as such a query).
import type { Json, Region } from '../api/types'

export interface Term {
  kind: 'id' | 'uri' | 'text' | 'picture'
  value: string
  /** Negative: less like this. */
  weight: number
  /** Fractions of the picture. */
  crop?: Region
}

export interface FacetChoice {
  field: string
  values: Json[]
}

export interface Search {
  terms: Term[]
  last: Term[]
  facets: FacetChoice[]
  k: number
  filter: string
  /** Per cent; hits of less are not shown. */
  min_similarity: number
  /** 0 to 1, hits of less are not shown; or 'auto', what the calibration recommends. */
  min_confidence: number | 'auto'
  classify: string
  class: string
  regions: boolean
  collapse: boolean
  exclude_self: boolean
  augment: 'none' | 'pool' | 'mean' | 'parts'
  verify: number
  seed: number
  ef: number
  nprobe: number
  rescore: number
}

type Option = Exclude<keyof Search, 'terms' | 'last' | 'facets'>

/** Options as they stand when the address does not say. */
export const DEFAULTS: Pick<Search, Option> = {
  k: 60,
  filter: '',
  min_similarity: 0,
  min_confidence: 0,
  classify: '',
  class: '',
  regions: false,
  collapse: false,
  exclude_self: false,
  augment: 'none',
  verify: 0,
  seed: 1,
  ef: 0,
  nprobe: 0,
  rescore: 0,
}

export const MAX_K = 1000
export const MAX_TERMS = 20
export const MAX_WEIGHT = 3
const LARGEST: Partial<Record<Option, number>> = { k: MAX_K, min_similarity: 100, min_confidence: 1, verify: MAX_K }
const FRACTIONAL: readonly Option[] = ['min_similarity', 'min_confidence']
const AUGMENTS: readonly string[] = ['none', 'pool', 'mean', 'parts']
const KINDS: readonly string[] = ['id', 'uri', 'text', 'picture']

export function emptySearch(): Search {
  return { ...DEFAULTS, terms: [], last: [], facets: [] }
}

function numberOf(text: string): number | undefined {
  const number = Number(text)
  return text.trim() !== '' && Number.isFinite(number) ? number : undefined
}

function clamp(value: number, least: number, largest: number): number {
  return Math.min(largest, Math.max(least, value))
}

/** "x,y,width,height" as fractions; undefined where it is no part of a picture. */
export function parseCrop(text: string): Region | undefined {
  const [x, y, width, height] = text.split(',').map(numberOf)
  if (x === undefined || y === undefined || !width || !height) return undefined
  const inside = x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1.0001 && y + height <= 1.0001
  return inside ? { x, y, width, height } : undefined
}

export function formatCrop(crop: Region): string {
  return [crop.x, crop.y, crop.width, crop.height].map((part) => String(Math.round(part * 1e4) / 1e4)).join(',')
}

function parseFacet(text: string): FacetChoice | undefined {
  try {
    const read: unknown = JSON.parse(text)
    if (!Array.isArray(read) || typeof read[0] !== 'string' || read.length < 2) return undefined
    return { field: read[0], values: read.slice(1) as Json[] }
  } catch {
    return undefined
  }
}

function setOption(search: Search, word: string, text: string): void {
  if (!(word in DEFAULTS)) return
  const option = word as Option
  const fallback = DEFAULTS[option]
  const target = search as unknown as Record<string, unknown>
  if (typeof fallback === 'boolean') target[option] = text === 'true'
  else if (option === 'min_confidence' && text === 'auto') search.min_confidence = 'auto'
  else if (typeof fallback === 'number') {
    const number = numberOf(text)
    if (number !== undefined) target[option] = clamp(number, option === 'k' ? 1 : 0, LARGEST[option] ?? 2 ** 32 - 1)
    if (!FRACTIONAL.includes(option)) target[option] = Math.round(target[option] as number)
  } else if (option !== 'augment' || AUGMENTS.includes(text)) target[option] = text
}

/** The search that a query of the address says. What it does not understand it leaves out. */
export function parseSearch(query: string): Search {
  const search = emptySearch()
  for (const [word, text] of new URLSearchParams(query)) {
    const term = search.terms.at(-1)
    if (KINDS.includes(word)) {
      if (text && search.terms.length < MAX_TERMS) search.terms.push({ kind: word as Term['kind'], value: text, weight: 1 })
    } else if (word === 'weight') {
      const weight = numberOf(text)
      if (term && weight) term.weight = clamp(weight, -MAX_WEIGHT, MAX_WEIGHT)
    } else if (word === 'crop') {
      const crop = parseCrop(text)
      if (term && crop) term.crop = crop
    } else if (word === 'facet') {
      const facet = parseFacet(text)
      if (facet) search.facets.push(facet)
    } else if (word === 'last') search.last = parseSearch(text).terms
    else setOption(search, word, text)
  }
  return search
}

function addTerms(words: URLSearchParams, terms: Term[]): void {
  for (const term of terms) {
    words.append(term.kind, term.value)
    if (term.weight !== 1) words.append('weight', String(term.weight))
    if (term.crop) words.append('crop', formatCrop(term.crop))
  }
}

/** The query, with its '?'; '' for a search that says nothing. */
export function formatSearch(search: Search): string {
  const words = new URLSearchParams()
  addTerms(words, search.terms)
  for (const [option, fallback] of Object.entries(DEFAULTS)) {
    const value = search[option as Option]
    if (value !== fallback) words.set(option, String(value))
  }
  for (const { field, values } of search.facets) words.append('facet', JSON.stringify([field, ...values]))
  if (search.last.length) {
    const last = new URLSearchParams()
    addTerms(last, search.last)
    words.append('last', last.toString())
  }
  const text = words.toString()
  return text && '?' + text
}

/** Whether two lists of terms ask for the same. */
export function sameTerms(one: Term[], other: Term[]): boolean {
  const text = (terms: Term[]) => {
    const words = new URLSearchParams()
    addTerms(words, terms)
    return words.toString()
  }
  return text(one) === text(other)
}
