import { expect, test } from 'vitest'
import { describe } from './classes'
import { DEFAULTS, freeName, layersOf, PACES, paceOf } from './options'

test('each pace is known by its options, and what is set otherwise by none', () => {
  for (const pace of PACES) expect(paceOf({ ...DEFAULTS, ...pace.changes })).toBe(pace.name)
  expect(paceOf(DEFAULTS)).toBe('usual')
  expect(paceOf({ ...DEFAULTS, epochs: 41 })).toBe('')
})

test('layers are read as people write them', () => {
  expect(layersOf('512, 256')).toEqual([512, 256])
  expect(layersOf(' 8 ')).toEqual([8])
  for (const wrong of ['', ',', '0', '8.5', '-8', 'eight']) expect(layersOf(wrong)).toBeUndefined()
})

test('a name is one that no model has, and that the server takes', () => {
  expect(freeName('shoes', [])).toBe('shoes-model')
  expect(freeName('shoes', ['shoes-model', 'shoes-model-2'])).toBe('shoes-model-3')
  expect(freeName('x'.repeat(64), []).length).toBeLessThanOrEqual(64)
})

test('classes are told by their sizes', () => {
  const told = describe([{ name: 'a', items: 3 }, { name: 'b\u202e', items: 9 }], 2, false)
  expect(told).toEqual({ count: 2, items: 12, without: 2, fewest: 3, most: 9, largest: 'b‹U+202E›', more: false })
  expect(describe([], 5, false)).toMatchObject({ count: 0, fewest: 0, most: 0 })
})
