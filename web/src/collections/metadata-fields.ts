// Metadata as fields that a person can fill in, and back.
import type { Json, Metadata } from '../api/types'

export type FieldKind = 'text' | 'number' | 'boolean' | 'list' | 'json'

export interface Field {
  name: string
  kind: FieldKind
  /** As it stands in its input: of a list a line an entry, of a boolean 'true' or 'false'. */
  text: string
}

export const FIELD_KINDS: Record<FieldKind, string> = { text: 'text', number: 'number', boolean: 'yes or no', list: 'list', json: 'JSON' }

function isListOfLines(value: Json): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === 'string' && entry !== '' && !/[\r\n]/.test(entry))
}

export function fieldOf(name: string, value: Json): Field {
  if (typeof value === 'string') return { name, kind: 'text', text: value }
  if (typeof value === 'number') return { name, kind: 'number', text: String(value) }
  if (typeof value === 'boolean') return { name, kind: 'boolean', text: String(value) }
  if (isListOfLines(value)) return { name, kind: 'list', text: value.join('\n') }
  return { name, kind: 'json', text: JSON.stringify(value, null, 2) }
}

/** Throws an Error that says what is wrong with it. */
export function valueOf({ kind, text }: Pick<Field, 'kind' | 'text'>): Json {
  if (kind === 'text') return text
  if (kind === 'boolean') return text === 'true'
  if (kind === 'list') {
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
  }
  if (kind === 'number') {
    const number = Number(text)
    if (!text.trim() || !Number.isFinite(number)) throw new Error(`'${text}' is no number`)
    return number
  }
  try {
    return JSON.parse(text) as Json
  } catch (thrown) {
    throw new Error(`this is not JSON: ${thrown instanceof Error ? thrown.message : ''}`)
  }
}

/** The same value as another kind, as well as that goes. */
export function asKind(field: Field, kind: FieldKind): Field {
  if (kind === 'boolean') return { ...field, kind, text: /^(true|yes|1)$/i.test(field.text.trim()) ? 'true' : 'false' }
  if (kind !== 'json') return { ...field, kind }
  try {
    return { ...field, kind, text: JSON.stringify(valueOf(field)) }
  } catch {
    return { ...field, kind, text: JSON.stringify(field.text) }
  }
}

function isObject(value: Json | undefined): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The JSON merge patch (RFC 7396) that makes one of the other; undefined where they are the same. */
export function mergePatch(before: Metadata, after: Metadata): Metadata | undefined {
  const patch: [string, Json][] = []
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.push([name, null])
  for (const [name, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    if (isObject(value) && isObject(old)) {
      const inner = mergePatch(old, value)
      if (inner) patch.push([name, inner])
    } else if (JSON.stringify(value) !== JSON.stringify(old)) patch.push([name, value])
  }
  return patch.length ? Object.fromEntries(patch) : undefined
}
