import { describe, expect, it } from 'vitest'
import { counted, fileName, folderName, percent, visible, webAddress } from './words'

describe('words', () => {
  it('count', () => {
    expect([counted(0, 'picture'), counted(1, 'picture'), counted(1234, 'picture')]).toEqual(['0 pictures', '1 picture', '1,234 pictures'])
  })

  it('round similarities as the server does', () => {
    expect([percent(0.97314999), percent(1), percent(0.12346, 0)]).toEqual(['97.31 %', '100.00 %', '12 %'])
  })

  it('name files by either slash', () => {
    expect([fileName('a/b.jpg'), fileName('a\\b.jpg'), fileName('a/b/'), fileName('/')]).toEqual(['b.jpg', 'b.jpg', 'b', '/'])
  })

  it('name folders', () => {
    expect([folderName('a/b/c.jpg'), folderName('c.jpg'), folderName('a\\c.jpg')]).toEqual(['b', '', 'a'])
  })

  it('do not let a name look like another', () => {
    expect(visible('abc\u202egnp.exe')).toBe('abc‹U+202E›gnp.exe')
    expect(visible('שלום\u200f 👩‍👧 a\tb')).toBe('שלום\u200f 👩‍👧 a\tb')
  })

  it('take only addresses of the web for links', () => {
    expect(['https://a.b/c', 'javascript:alert(1)', 'data:text/html,x', ' https://a', 'https://', 'HTTP://a'].map(webAddress)).toEqual([
      'https://a.b/c', '', '', '', '', 'HTTP://a',
    ])
  })
})
