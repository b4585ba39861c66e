import { describe, expect, it } from 'vitest'
import { takeBatch } from './batches'

describe('batches', () => {
  it('hold what fits, in order, and lose nothing', () => {
    const queue = [1, 9, 100, 4, 4, 4].map((size) => ({ file: { size } })).reverse()
    const batches = []
    while (queue.length) batches.push(takeBatch(queue, { bytes: 10, count: 2 }).map(({ file }) => file.size))
    expect(batches).toEqual([[1, 9], [100], [4, 4], [4]])
  })
})
