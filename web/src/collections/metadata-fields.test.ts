import { describe, expect, it } from 'vitest'
import type { Json, Metadata } from '../api/types'
import { asKind, fieldOf, mergePatch, valueOf } from './metadata-fields'

describe('fields of metadata', () => {
  it('give back every value as it was', () => {
    const values: Json[] = ['', 'a\nb', '<b>\u202e', 5, -0.5, true, false, ['a', 'b'], [], ['a\nb'], [''], [1, 'a'], { a: { b: [null] } }, null]
    for (const value of values) expect(valueOf(fieldOf('x', value))).toEqual(value)
  })

  it('say what is wrong', () => {
    expect(() => valueOf({ kind: 'number', text: 'five' })).toThrow("'five' is no number")
    expect(() => valueOf({ kind: 'number', text: ' ' })).toThrow('no number')
    expect(() => valueOf({ kind: 'json', text: '{' })).toThrow('not JSON')
  })

  it('change their kind and keep what they can', () => {
    expect(asKind(fieldOf('x', 'yes'), 'boolean').text).toBe('true')
    expect(asKind(fieldOf('x', ['a', 'b']), 'json').text).toBe('["a","b"]')
    expect(valueOf(asKind(fieldOf('x', 5), 'text'))).toBe('5')
  })
})

describe('a merge patch', () => {
  it('says what changed, and nothing else', () => {
    const before: Metadata = { same: 1, gone: 'x', deep: { a: 1, b: 2 }, list: [1], kind: 'text' }
    const after: Metadata = { same: 1, deep: { a: 1, c: 3 }, list: [1, 2], kind: { now: true }, fresh: false }
    expect(mergePatch(before, after)).toEqual({ gone: null, deep: { b: null, c: 3 }, list: [1, 2], kind: { now: true }, fresh: false })
    expect(mergePatch(before, { ...before })).toBeUndefined()
  })

  it('takes names that objects have by themselves for what they are', () => {
    const after = JSON.parse('{"constructor": 1, "__proto__": {"a": 1}}') as Metadata
    expect(JSON.stringify(mergePatch({}, after))).toBe('{"constructor":1,"__proto__":{"a":1}}')
  })
})
