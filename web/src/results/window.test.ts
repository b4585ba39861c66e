import { describe, expect, it } from 'vitest'
import { cardsAround, rowsInView } from './window'

describe('the rows in view', () => {
  it('are those that the view cuts', () => {
    expect(rowsInView(100, 800, 300, 250)).toEqual({ first: 0, last: 2 })
    expect(rowsInView(-650, 800, 300, 250)).toEqual({ first: 2, last: 4 })
  })

  it('stay within the list, wherever it is', () => {
    expect(rowsInView(5000, 800, 300, 250)).toEqual({ first: 0, last: 0 })
    expect(rowsInView(-1e6, 800, 300, 250)).toEqual({ first: 249, last: 249 })
  })
})

describe('the cards that are there', () => {
  const grid = { around: 1, columns: 4, count: 1000, current: 0 }

  it('are those around the view, in order', () => {
    expect(cardsAround({ first: 0, last: 1 }, grid)).toEqual(Array.from({ length: 12 }, (_, at) => at))
    expect(cardsAround({ first: 249, last: 249 }, { ...grid, current: 999 })).toEqual([992, 993, 994, 995, 996, 997, 998, 999])
  })

  it('always have the current one, in its order', () => {
    expect(cardsAround({ first: 100, last: 100 }, grid)[0]).toBe(0)
    expect(cardsAround({ first: 0, last: 0 }, { ...grid, current: 999 }).at(-1)).toBe(999)
  })

  it('are no more than there are', () => {
    expect(cardsAround({ first: 0, last: 3 }, { ...grid, count: 6 })).toEqual([0, 1, 2, 3, 4, 5])
    expect(cardsAround({ first: 9, last: 9 }, { ...grid, count: 6, current: 2 })).toEqual([2])
  })
})
