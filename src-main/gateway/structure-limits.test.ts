import { expect, it } from 'vitest'
import { readBody } from './body-reading.ts'

const asked = { dialect: 'openai-chat', kind: 'generate', model: '', isStream: false } as const
const sentenceOf = (text: string) => {
  const { reading } = readBody(Buffer.from(text), { asked, placeholders: null })
  return reading.ok ? 'ok' : `${reading.failure.cause}: ${reading.failure.sentence}`
}

it.each([
  ['numbers', `[${'1,'.repeat(500_000)}1]`, 'too_large: the request holds more than 500,000 JSON values'],
  [
    'empty lists',
    `[${'[],'.repeat(300_000)}0]`,
    'too_large: the request holds more than 500,000 JSON values',
  ],
  ['objects', `[${'{"a":1},'.repeat(251_000)}0]`, 'too_large: the request holds more than'],
  [
    'names',
    `{${Array.from({ length: 251_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
    'too_large: the request holds more than 250,000 JSON named members, which is more than any model takes; send long lists as text',
  ],
  ['brackets', '['.repeat(10_000_000), 'bad_request: the body is nested too deeply: at most 300 levels'],
])('refuses more structure than any model takes: %s', (_name, messages, sentence) => {
  expect(sentenceOf(`{"messages":${messages}}`)).toContain(sentence)
})

/** A week's work: thousands of messages with several calls each, hundreds of tools with wide schemas. */
function largestRequest() {
  const call = (id: number) => ({
    id: `call_${id}`,
    type: 'function',
    function: { name: 'edit', arguments: '{"path":"a.ts","old":"x","new":"y"}' },
  })
  const messages = Array.from({ length: 8000 }, (_, at) =>
    at % 2 === 0
      ? {
          role: 'assistant',
          content: [{ type: 'text', text: 'I will.' }],
          tool_calls: [call(at), call(at + 1)],
        }
      : { role: 'tool', tool_call_id: `call_${at - 1}`, content: [{ type: 'text', text: 'x '.repeat(100) }] },
  )
  const properties = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `p${at}`,
      { type: 'string', description: 'What it is.', enum: ['a', 'b'] },
    ]),
  )
  const tools = Array.from({ length: 300 }, (_, at) => ({
    type: 'function',
    function: { name: `tool${at}`, description: 'Does it.', parameters: { type: 'object', properties } },
  }))
  return JSON.stringify({ model: 'm', messages, tools })
}

it('takes the largest that agents send', () => {
  expect(sentenceOf(largestRequest())).toBe('ok')
})
