import { expect, it } from 'vitest'
import type { ReviewNote } from '../../stores/review-notes.ts'
import { writePrompt } from './notes.model.ts'

const note = (more: Partial<ReviewNote>): ReviewNote => ({
  id: 'n',
  path: 'src/a.ts',
  side: 'new',
  line: 20,
  quote: '  const a = 1',
  text: 'Say why. ',
  ...more,
})

it('writes one prompt of what was typed and every note with its line', () => {
  expect(
    writePrompt(' Thanks. ', [note({}), note({ side: 'old', line: 3, quote: ' ', text: 'Keep it.' })]),
  ).toBe(
    [
      'Thanks.',
      'Review notes on your changes:',
      '1. src/a.ts, line 20\n> const a = 1\nSay why.',
      '2. src/a.ts, removed line 3\nKeep it.',
    ].join('\n\n'),
  )
})

it('adds nothing to a prompt without notes', () => {
  expect(writePrompt(' Go on. ', [])).toBe('Go on.')
})
