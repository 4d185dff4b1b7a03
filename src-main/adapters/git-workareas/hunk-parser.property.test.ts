import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHunkParser } from './hunk-parser.ts'
import { createRawDiffParser } from './raw-diff.ts'

const line = fc.tuple(
  fc.constantFrom('context', 'added', 'removed'),
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
)
const marks = { context: ' ', added: '+', removed: '-' }

function parseRawDiff(fields: readonly string[]) {
  const parser = createRawDiffParser()
  for (const field of fields) parser.push(field)
  return parser.end()
}

test('a printed hunk is read back, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (lines, step) => {
        const count = (but: string) => lines.filter(([kind]) => kind !== but).length
        const printed = `preamble\n@@ -1,${count('added')} +1,${count('removed')} @@\n${lines.map(([kind, text]) => `${marks[kind]}${text}\n`).join('')}`
        const bytes = Buffer.from(printed)
        const parser = createHunkParser()
        for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step))
        const { hunks, omittedLines } = parser.end()
        const expected = lines.map(([kind, text]) => [kind, Buffer.from(text).toString('utf8')])
        expect(hunks[0]?.lines.map((read) => [read.kind, read.text])).toEqual(expected)
        expect(omittedLines).toBe(0)
      },
    ),
    { verbose: true },
  )
})

test('no bytes make the parsers throw', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (fields) => {
      const parser = createHunkParser()
      for (const field of fields) parser.push(Buffer.from(`@@ -${field}\n${field}`))
      parser.end()
      parseRawDiff(fields)
      parseRawDiff(fields.map((field) => `:${field}`))
    }),
    { verbose: true },
  )
})
