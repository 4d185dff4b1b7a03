import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CapRef } from '../../kernel/ids.ts'
import { runRoot } from '../../kernel/test-kernel.ts'
import type { ChatMessage } from '../agents/chat.ts'
import { studio } from '../agents/test-models.ts'
import { learn, llmDistiller, parseLessons } from './learn.ts'
import { LongMemory } from './long-memory.ts'

test.each<[string, string, string[]]>([
  ['nothing', '', []],
  ['prose', 'I learnt a lot today. Nothing to list.', []],
  ['a list of objects', '[{"text":"a"},{"lesson":"b"},{"insight":"c"}]', ['a', 'b', 'c']],
  ['a list of texts', '["a","b"]', ['a', 'b']],
  ['an object with lessons', '{"lessons":[{"text":"a"}]}', ['a']],
  ['one lesson', '{"text":"a"}', ['a']],
  ['prose and a fence', 'Here you go:\n```json\n[{"text":"a"}]\n```\nDone {ok}', ['a']],
  ['a list that was cut off', '{"lessons":[{"text":"a"},{"text":"b"},{"te', ['a', 'b']],
  ['a trailing comma', '[{"text":"a"},]', ['a']],
  ['the same twice', '[{"text":"a"}] [{"text":"a"}]', ['a']],
  ['no lessons', '[{"text":7},{"note":"x"},null,3,[],{"text":"  "}]', []],
  ['a polluted one', '[{"__proto__":{"text":"x"}},{"text":"a","constructor":{}}]', ['a']],
])('reads %s', (_name, text, expected) => {
  expect(parseLessons(text).map((draft) => draft.text)).toEqual(expected)
})

test('takes tags and scores that make sense', () => {
  const text = '[{"text":"a","tags":["x",7,null],"score":0.3},{"text":"b","tags":"x","score":7}]'
  expect(parseLessons(text)).toEqual([
    { text: 'a', tags: ['x'], score: 0.3 },
    { text: 'b', tags: [] },
  ])
})

test('never throws, whatever a model writes, whole or cut anywhere', () => {
  const model = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .array(fc.record({ text: fc.string(), tags: fc.array(fc.string()), score: fc.double() }))
      .map((all) => JSON.stringify(all)),
    fc
      .array(fc.constantFrom('{', '}', '[', ']', '"text"', ':', '"a"', ',', '\\', '```json\n'), {
        maxLength: 80,
      })
      .map((all) => all.join('')),
  )
  fc.assert(
    fc.property(model, fc.nat(500), (text, cut) => {
      for (const reply of [text, text.slice(0, cut), text.slice(cut)]) {
        const drafts = parseLessons(reply)
        expect(drafts.length).toBeLessThanOrEqual(32)
        for (const draft of drafts) expect(draft.text.trim()).not.toBe('')
      }
    }),
  )
})

test('every whole lesson before the cut is found', () => {
  const lessons = fc.uniqueArray(fc.stringMatching(/^[a-z ]{0,20}[a-z]$/), {
    minLength: 1,
    maxLength: 8,
    selector: (text) => text.trim(),
  })
  fc.assert(
    fc.property(lessons, fc.nat(), (words, at) => {
      const parts = words.map((text) => JSON.stringify({ text, tags: ['t'] }))
      const whole = `Sure: [${parts.join(', ')}]`
      const cut = whole.slice(0, at % (whole.length + 1))
      let end = 'Sure: ['.length
      const expected = words.filter((_text, n) => {
        end += (parts[n]?.length ?? 0) + (n > 0 ? 2 : 0)
        return cut.length >= end
      })
      expect(parseLessons(cut).map(({ text }) => text)).toEqual(expected.map((text) => text.trim()))
    }),
  )
})

test('a gigantic reply is bounded', () => {
  const huge = JSON.stringify(Array.from({ length: 200_000 }, (_, n) => ({ text: `lesson ${n}` })))
  expect(parseLessons(huge)).toHaveLength(32)
})

test("distils a transcript with a model, at the caller's cost, into memory", async () => {
  const reply =
    '```json\n[{"text":"Look before you leap","tags":["care"],"score":0.9},{"text":"look before you leap"}]\n```'
  const s = studio([{ text: reply }, { text: 'nothing new' }])
  await runRoot(
    s.t,
    async (sys) => {
      const { devices } = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
      const distil = llmDistiller(sys, await sys.open(devices.llm!), { maxTokens: 500 })
      const memory = new LongMemory({ now: sys.now })
      const transcript: ChatMessage[] = [
        { role: 'user', content: 'jump' },
        { role: 'assistant', content: 'ok', toolCalls: [{ id: '1', tool: 'jump', input: {} }] },
        { role: 'tool', content: 'x'.repeat(500_000), toolCallId: '1', name: 'jump' },
        { role: 'assistant', content: 'that hurt' },
      ]
      expect(await learn(distil, memory, transcript)).toMatchObject([{ id: 'l1', tags: ['care'] }])
      expect(await learn(distil, memory, transcript)).toEqual([])
      expect(memory.size).toBe(1)
      expect(sys.budget().tokens).toBe(80)
      const shown = s.seen[0]?.messages[1]?.content ?? ''
      expect(shown.length).toBeLessThan(130_000)
      expect(shown).toContain('assistant: ok [calls jump]')
      expect(shown.endsWith('assistant: that hurt')).toBe(true)
      expect(s.seen[0]?.maxTokens).toBe(500)
    },
    { grant: ['llm'], quota: { tokens: 100 } },
  )
})
