import fc from 'fast-check'
import { expect, it } from 'vitest'
import { embeddedScripts } from './embedded/embedded-scripts.ts'
import { linesByPath } from './json-lines.ts'
import { streamPieces } from './pace.ts'
import { parseScript } from './parse-script.ts'

it('reads what it wrote, and offers the embedded scripts whole', () => {
  const scripts = embeddedScripts()
  expect(Object.keys(scripts)).toEqual(['demo', 'ask', 'flood', 'over-budget', 'tries'])
  for (const script of Object.values(scripts))
    expect(parseScript(JSON.stringify(script))).toEqual({ ok: true, script })
})

it.each([
  ['{"title":"x"}', 'line 1, steps'],
  ['{"title":"x",\n"steps":[\n{"do":"jump"}]}', 'line 3, steps.0.do'],
  ['{"title":"x",\n"steps":[{"do":"say",\n"text":"a","loud":true}]}', 'steps.0'],
  ['{"title":"x",\n"steps":[\n\n{"do":"run","command":[]}]}', 'line 4, steps.0.command'],
  ['{"title":"x","steps":[]}', 'steps'],
  ['{', 'no JSON'],
  ['null', 'line 1, script'],
  [
    `{"title":"x","steps":[{"do":"repeat","times":1,"steps":[{"do":"ask","title":"t","allowed":[{"do":\n5}]}]}]}`,
    'line 2',
  ],
])('says what is wrong and where: %s', (text, where) => {
  const parsed = parseScript(text)
  expect(parsed).toMatchObject({ ok: false })
  expect(parsed.ok ? '' : parsed.problem).toContain(where)
})

it('refuses steps within steps without end', () => {
  let step: unknown = { do: 'say', text: 'x' }
  for (let depth = 0; depth < 2000; depth += 1) step = { do: 'repeat', times: 10, steps: [step] }
  expect(parseScript(JSON.stringify({ title: 'x', steps: [step] })).ok).toBe(false)
})

it('never throws, whatever the file holds', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((text) => `{"title":"x","steps":[${text}]}`),
      ),
      (text) => {
        parseScript(text)
      },
    ),
  )
})

it('knows the line of every value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1)
      const lines = linesByPath(text)
      expect(lines.size).toBeGreaterThan(0)
      for (const line of lines.values()) expect(line).toBeLessThanOrEqual(text.split('\n').length)
    }),
  )
})

it('streams every letter of a text, in order', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(streamPieces(text).join('')).toBe(text)
    }),
  )
})
