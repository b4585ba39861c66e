// What a collection can be made with, with a line of help each. docs/indexes.md tells all.
import type { Json, Model } from '../api/types'

export interface Kind {
  value: string
  title: string
  help: string
}

export const INDEXES: Kind[] = [
  { value: 'auto', title: 'auto', help: 'Right for most: exact up to 100,000 items, then a graph.' },
  { value: 'Flat', title: 'Flat, exact', help: 'Compares every vector: finds all there is, and takes longer the more there are.' },
  { value: 'HNSW16', title: 'HNSW, a graph', help: 'Walks from neighbour to neighbour: fast for millions, with more memory, and may miss a little.' },
  { value: 'IVF100,Flat', title: 'IVF, cells', help: 'Sorts items into 100 cells and visits the nearest: less to compare, needs 100 items to learn.' },
  { value: 'IVF100,SQ8', title: 'IVF with 7-bit codes', help: 'Cells, with a byte for each component: for those who compare with FAISS.' },
  { value: 'IVF100,PQ8', title: 'IVF with product codes', help: 'Cells, and eight bytes a picture: for collections larger than memory. Needs 256 items to learn.' },
  { value: 'PQ8', title: 'PQ, product codes', help: 'Every picture in eight bytes: small, and scored again from full precision. Needs 256 items to learn.' },
  { value: 'SQ8', title: 'SQ8, 7-bit codes', help: 'Every vector, with a byte for each component. Flat is as small, and exact.' },
  { value: 'PCA64,Flat', title: 'PCA, then exact', help: 'Searches in the 64 directions in which the pictures differ most.' },
  { value: 'OPQ8,IVF100,PQ8', title: 'OPQ, turned product codes', help: 'As IVF with product codes, turned first so that these lose least.' },
]

export const METRICS: Kind[] = [
  { value: 'cosine', title: 'cosine', help: 'The angle between vectors: right for nearly all models.' },
  { value: 'dot', title: 'dot product', help: 'For models whose vectors mean something by their length.' },
  { value: 'euclidean', title: 'Euclidean', help: 'The straight distance between vectors.' },
]

export const REGIONS: Kind[] = [
  { value: 'none', title: 'none', help: 'Each picture is found as a whole.' },
  { value: 'multi', title: 'multi', help: 'Eighteen parts of each picture too, so that a part finds the whole. 19 times the room.' },
  { value: '2x2', title: '2 × 2 tiles', help: 'Four quarters of each picture too.' },
  { value: '2x3', title: '2 × 3 tiles', help: 'Six tiles of each picture too.' },
  { value: '3x3', title: '3 × 3 tiles', help: 'Nine tiles of each picture too.' },
]

export interface ModelFacts {
  description: string
  /** It takes text, too. */
  text: boolean
  /** Pixels of what it looks at; '' where its file does not say. */
  looksAt: string
  license: string
  /** Why it cannot be used. */
  fault: string
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** What a model says of itself in its model.json. */
export function modelFacts(model: Model & { error?: { message: string } }): ModelFacts {
  const bundle = model.bundle ?? {}
  const steps = Array.isArray(bundle['preprocess']) ? bundle['preprocess'] : []
  const sizes = steps.flatMap((step) => (step && typeof step === 'object' && !Array.isArray(step) ? Object.values(step) : []))
  const size = sizes.findLast((each) => each && typeof each === 'object' && !Array.isArray(each) && 'width' in each && 'height' in each)
  const looksAt = size && typeof size === 'object' && !Array.isArray(size) ? `${size['width']} × ${size['height']}` : ''
  return {
    description: textOf(bundle['description']),
    text: !!bundle['text'],
    looksAt,
    license: textOf(bundle['license']),
    fault: model.error?.message ?? '',
  }
}

/** Names that the server takes for collections. */
export const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$/
