import { expect, it } from 'vitest'
import { cutMiddle, quoteWord, shortHash, splitPath, visibleLine, visibleText } from './visible-text.ts'

it('shows what would reorder or hide text', () => {
  expect(visibleLine('access\u202e\u2066level')).toBe('access⟦RLO⟧⟦LRI⟧level')
  expect(visibleLine('a\u200bb\ufeffc')).toBe('a⟦ZWSP⟧b⟦BOM⟧c')
  expect(visibleLine('\u{e0041}')).toBe('⟦U+E0041⟧')
})

it('shows control characters as escapes', () => {
  expect(visibleLine('a\u0000b\u0007\u007f\u0085')).toBe('a\\x00b\\x07\\x7f⟦U+0085⟧')
  expect(visibleLine('a\nb\tc')).toBe('a\\nb\\tc')
  expect(visibleText('a\nb\tc\r\nd\re')).toBe('a\nb\tc\nd\\re')
})

it('drops terminal colours but shows other escapes', () => {
  expect(visibleText('\u001b[31mred\u001b[0m \u001b]0;title')).toBe('red \\x1b]0;title')
})

it('leaves honest writing of any script alone', () => {
  for (const text of ['naïve 日本語 العربية 👩‍👩‍👧', '<b>&amp;</b>', '‌می‌خواهم'])
    expect(visibleLine(text)).toBe(text)
})

it('cuts in the middle and shortens hashes', () => {
  expect(cutMiddle('abcdefghij', 7)).toBe('abc…hij')
  expect(cutMiddle('short', 7)).toBe('short')
  expect(shortHash('sha256:4be1aaaaaaaaaaaaaaaa90c2')).toBe('4be1…90c2')
  expect(splitPath('a/b/c.ts')).toEqual({ folder: 'a/b/', name: 'c.ts' })
})

it('shows where each word of a command ends', () => {
  expect(['git', '-m', 'a b', "it's", '', 'a\nb'].map(quoteWord).join(' ')).toBe(
    `git -m 'a b' 'it'\\''s' '' 'a\\nb'`,
  )
})
