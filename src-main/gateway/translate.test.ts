import { afterEach, describe, expect, it } from 'vitest'
import type { Turn } from '../../e2e/fixtures/model-server/turn.ts'
import { createModels } from '../adapters/models/models.ts'
import type { Dialect } from '../ports/gateway.ts'
import type { ModelEvent, ModelMessage } from '../ports/models.ts'
import { type JsonObject, recordOf, recordsOf, stringOf } from './json-values.ts'
import { ask, dialects, openBed, requestIn, routeTo, type TestBed } from './test-gateway.ts'

let bed: TestBed
afterEach(() => bed.close())

const args = { path: 'a.txt', content: 'one\n"two" 日本' }
const turn: Turn = {
  text: ['I will ', 'write.'],
  calls: [
    { name: 'write_file', args },
    { name: 'write_file', args: { path: 'b.txt' } },
  ],
  usage: { inputTokens: 120, cachedTokens: 20, outputTokens: 40 },
}

const pairs = dialects.flatMap((asked) =>
  dialects.filter((upstream) => upstream !== asked).map((upstream) => [asked, upstream] as const),
)

/** Speaks to the gateway as a client of the dialect: the providers' own SDKs read what we wrote. */
async function talk(asked: Dialect, messages: readonly ModelMessage[]): Promise<ModelEvent[]> {
  const client = createModels({ clock: { nowMs: () => 0 } })
  const route = routeTo(bed.gateway.address, asked)
  const tools = [
    {
      name: 'write_file',
      description: 'Writes.',
      schema: { type: 'object', properties: { path: { type: 'string' } } },
    },
  ]
  const request = {
    ...route,
    apiKey: bed.key,
    messages,
    tools,
    maxOutputTokens: 500,
    ...(asked === 'openai-responses' ? { usesResponses: true } : {}),
  }
  const events: ModelEvent[] = []
  for await (const event of client.stream(request, new AbortController().signal)) events.push(event)
  return events
}

describe.each(pairs)('%s asked of an upstream that speaks %s', (asked, upstream) => {
  it('streams text, calls and usage', async () => {
    bed = await openBed({ script: () => turn, upstream })
    const events = await talk(asked, [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Write it.' },
    ])
    expect(events.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('')).toBe(
      'I will write.',
    )
    const calls = events.flatMap((event) => (event.kind === 'tool-call' ? [event.call] : []))
    expect(calls.map((call) => [call.name, JSON.parse(call.argumentsText)])).toEqual([
      ['write_file', args],
      ['write_file', { path: 'b.txt' }],
    ])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    expect(events.at(-1)).toEqual({
      kind: 'end',
      reason: 'tools',
      usage: { inputTokens: 120, cachedTokens: 20, outputTokens: 40 },
    })
    expect(bed.server.requests[0]?.call?.messages).toEqual([
      { role: 'system', text: 'Be brief.', calls: [] },
      { role: 'user', text: 'Write it.', calls: [] },
    ])
    expect(bed.server.requests[0]?.key).toContain('upstream-key')
    expect(bed.session.outcomes).toMatchObject([
      { end: 'done', usageSource: 'reported', use: { costUsdNanos: 302_000 } },
    ])
  })

  it('hands calls and results on', async () => {
    bed = await openBed({ script: () => ({ text: ['Done.'] }), upstream })
    const call = { id: 'call_1', name: 'write_file', argumentsText: JSON.stringify(args) }
    await talk(asked, [
      { role: 'user', text: 'Write it.' },
      { role: 'assistant', text: 'Now.', toolCalls: [call, { ...call, id: 'call_2' }] },
      { role: 'tool', callId: 'call_1', name: 'write_file', text: 'written', isError: false },
      { role: 'tool', callId: 'call_2', name: 'write_file', text: 'no such folder', isError: true },
    ])
    const seen = bed.server.requests[0]?.call?.messages ?? []
    expect(seen.filter(({ role }) => role === 'tool').map(({ text }) => text)).toEqual([
      expect.stringContaining('written'),
      expect.stringContaining('no such folder'),
    ])
    const calls = seen.flatMap((message) => message.calls)
    expect(calls.map((one) => JSON.parse(one.argumentsText))).toEqual([args, args])
  })

  it('answers in one piece', async () => {
    bed = await openBed({ script: () => turn, upstream })
    const answer = await ask(bed, asked, requestIn(asked, false))
    expect(answer.status).toBe(200)
    const text = answer.body.toString()
    expect(text).toContain('I will write.')
    for (const figure of [asked === 'anthropic' ? '100' : '120', '40', 'b.txt'])
      expect(text).toContain(figure)
    expect(wholeCalls(asked, JSON.parse(text))).toEqual([args, { path: 'b.txt' }])
  })

  it("tells an upstream's refusal with its status, and when to come back", async () => {
    const fault = { kind: 'status', status: 429, retryAfterS: 7, message: 'slow down' } as const
    bed = await openBed({ script: () => ({ fault }), upstream })
    const answer = await ask(bed, asked, requestIn(asked, true))
    expect(answer.status).toBe(429)
    expect(answer.headers['retry-after']).toBe('7')
    expect(answer.body.toString()).toContain('slow down')
    expect(bed.session.outcomes).toMatchObject([
      { end: 'failed', status: 429, use: { inputTokens: 0, outputTokens: 0 } },
    ])
  })
})

function wholeCalls(dialect: Dialect, body: JsonObject): unknown[] {
  if (dialect === 'openai-chat')
    return recordsOf(recordOf(recordsOf(body.choices)[0]?.message).tool_calls).map((call) =>
      JSON.parse(stringOf(recordOf(call.function).arguments)),
    )
  if (dialect === 'openai-responses')
    return recordsOf(body.output).flatMap((item) =>
      item.type === 'function_call' ? [JSON.parse(stringOf(item.arguments))] : [],
    )
  if (dialect === 'anthropic')
    return recordsOf(body.content).flatMap((block) => (block.type === 'tool_use' ? [block.input] : []))
  const { parts } = recordOf(recordsOf(body.candidates)[0]?.content)
  return recordsOf(parts).flatMap((part) => (part.functionCall ? [recordOf(part.functionCall).args] : []))
}
