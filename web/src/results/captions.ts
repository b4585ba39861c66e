// What stands under a picture, of all that its metadata say.
import { visible } from '../shared/words'
import type { Json, Metadata } from '../api/types'

const NAMES = ['label', 'class', 'category', 'title', 'name', 'kind', 'type', 'group', 'species', 'brand']
// A caption is a line; the rest is in the large view.
const LONGEST = 120

/** A value of metadata as text that can be shown. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return visible(value)
  if (Array.isArray(value)) return value.map(textOf).join(', ')
  return value === null ? '' : JSON.stringify(value)
}

/** The field that tells best what a picture is; '' where none is a text. */
export function labelField(metadata: Metadata): string {
  const fields = Object.keys(metadata)
  const named = NAMES.find((name) => fields.includes(name) && textOf(metadata[name] ?? null) !== '')
  return named ?? fields.find((name) => typeof metadata[name] === 'string' && metadata[name] !== '') ?? ''
}

export function labelOf(metadata: Metadata): string {
  const field = labelField(metadata)
  const text = field ? textOf(metadata[field] ?? null) : ''
  return text.length > LONGEST ? text.slice(0, LONGEST) + '…' : text
}
