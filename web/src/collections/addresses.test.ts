import { describe, expect, it } from 'vitest'
import { readAddresses } from './addresses'

describe('a list of addresses', () => {
  it('has each once, and tells the lines that are none', () => {
    const read = readAddresses(' https://a.example/1.jpg\r\n\nhttps://a.example/1.jpg\nfile:///etc/passwd\njavascript:alert(1)\nhttp://b.example/x y.jpg')
    expect(read.addresses).toEqual(['https://a.example/1.jpg'])
    expect(read.wrong.map(({ line }) => line)).toEqual([4, 5, 6])
  })
})
