import { describe, expect, it } from 'vitest'
import { emptySearch } from '../state/search-words'
import { pcaOf, withPca } from './factory'
import { chosen, sensible } from './kept-words'
import { metric, processors, useOf } from './metrics'
import { stepWords } from './preprocess-words'
import { compare } from './recall'

const hits = (...each: [string, number][]) => each.map(([id, distance]) => ({ id, distance, similarity: 1 - distance, uri: '', metadata: {} }))

describe('exact against approximate', () => {
  it('counts what of the nearest was found, and names what differs', () => {
    const found = hits(['a', 0], ['c', 0.3], ['x', 0.9], ['y', 0.95])
    const exact = hits(['a', 0], ['b', 0.2], ['c', 0.3], ['d', 0.4])
    const { recall, onlyExact, onlyFound, samePlace } = compare(found, exact)
    expect(recall).toBe(0.5)
    expect([...onlyExact]).toEqual(['b', 'd'])
    expect([...onlyFound]).toEqual(['x', 'y'])
    expect(samePlace).toBe(1)
  })

  it('lets one copy stand for another that is as near', () => {
    expect(compare(hits(['a', 0], ['copy 2', 0.1]), hits(['a', 0], ['copy 1', 0.1])).recall).toBe(1)
  })

  it('says nothing of nothing', () => {
    expect(compare([], []).recall).toBeUndefined()
  })
})

describe('an index', () => {
  it('gets a PCA in front, another one, or none', () => {
    expect(withPca('HNSW16', 64, 256)).toBe('PCA64,HNSW16')
    expect(withPca('PCA64,HNSW16', 32, 256)).toBe('PCA32,HNSW16')
    expect(withPca('PCA64,IVF100,PQ8', 0, 256)).toBe('IVF100,PQ8')
    expect(withPca('PCA64,Flat', 256, 256)).toBe('Flat')
    expect(withPca('auto', 64, 256)).toBe('PCA64,Flat')
    expect([pcaOf('PCA64,Flat'), pcaOf('Flat')]).toEqual([64, 0])
  })
})

describe("the server's use", () => {
  const TEXT = '# HELP process_cpu_seconds_total x\nprocess_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 1.5e+08\nother{a="b"} 3\n'
  it('is read from its metrics', () => {
    expect(useOf(TEXT, 7)).toEqual({ memoryBytes: 1.5e8, cpuSeconds: 12.5, read: 7 })
    expect(metric(TEXT, 'process_cpu')).toBeUndefined()
    expect(useOf('', 0)).toBeUndefined()
  })
  it('is processor time by time', () => {
    const before = { memoryBytes: 1, cpuSeconds: 10, read: 1000 }
    expect(processors(before, { ...before, cpuSeconds: 13, read: 3000 })).toBe(1.5)
    expect(processors(before, before)).toBeUndefined()
  })
})

describe('preprocessing', () => {
  it('is told in words', () => {
    expect(stepWords({ resize_short_side: { filter: 'bilinear', size: 112 } })).toBe('resize short side: filter bilinear, size 112')
    expect(stepWords({ normalize: { div: [127.5, 127.5, 127.5], sub: [0.48145466, 0.4578275, 0.40821073] } })).toBe(
      'normalize: div 127.5, sub 0.4815 0.4578 0.4082',
    )
    expect(stepWords({ to_rgb: {} })).toBe('to rgb')
  })
})

describe('choices that are kept', () => {
  it('are those that are not as by default, and still make sense', () => {
    expect(chosen({ ...emptySearch(), ef: 50, k: 7, augment: 'mean' })).toEqual({ ef: 50, augment: 'mean' })
    expect(sensible({ ef: 50, augment: 3, unknown: 1 })).toEqual({ ef: 50 })
    expect(sensible('x')).toEqual({})
  })
})
