import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createModels } from '../../adapters/models/models.ts'
import type { LlmReply } from './chat.ts'
import { modelsChat } from './models-chat.ts'
import { openaiChat } from './openai-chat.ts'
import { parseRetryAfter, type RetryPowers } from './retry.ts'

const apiKey = 'sk-very-secret-key'
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

type Answer = (request: IncomingMessage, response: ServerResponse, body: Record<string, unknown>) => void

/** A real endpoint that gives one answer after the other, and a chat function on it whose waits are noted, not waited. */
async function endpoint(...answers: Answer[]) {
  const bodies: Record<string, unknown>[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    bodies.push(JSON.parse(text) as Record<string, unknown>)
    const answer = answers[Math.min(bodies.length, answers.length) - 1]
    answer?.(request, response, bodies.at(-1) ?? {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const waits: number[] = []
  const powers: RetryPowers = {
    nowMs: () => 1_000_000,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal.throwIfAborted()
      waits.push(ms)
    },
  }
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`
  const chat = openaiChat({ apiKey, baseUrl, model: 'm', price: { input: 1, output: 2 }, powers })
  return { chat, bodies, waits, baseUrl }
}

const ask = { messages: [{ role: 'user', content: 'hi' }] } as const

function sse(...chunks: unknown[]): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const chunk of chunks)
      response.write(`data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`)
    response.end()
  }
}

const text = (content: string) => ({ choices: [{ delta: { content } }] })
const stop = { choices: [{ delta: {}, finish_reason: 'stop' }] }
const usage = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } }
const failing =
  (status: number, headers: Record<string, string> = {}, body = 'no'): Answer =>
  (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }

test('streams text, gathers tool calls from their pieces, and prices the usage', async () => {
  const calls = (...parts: unknown[]) => ({ choices: [{ delta: { tool_calls: parts } }] })
  const { chat, bodies } = await endpoint(
    sse(
      text('Hel'),
      text('lo'),
      calls(
        { index: 1, id: 'b', function: { name: 'two', arguments: '' } },
        { index: 0, id: 'a', function: { name: 'one', arguments: '{"x"' } },
      ),
      calls({ index: 0, function: { arguments: ':1}' } }),
      stop,
      usage,
      '[DONE]',
    ),
  )
  const deltas: string[] = []
  const tools = [{ name: 'one', description: 'first', schema: { type: 'object' } }]
  const reply = await chat({ ...ask, tools, maxTokens: 9, onDelta: (delta) => deltas.push(delta) })
  expect(deltas).toEqual(['Hel', 'lo'])
  expect(reply).toEqual<LlmReply>({
    text: 'Hello',
    toolCalls: [
      { id: 'a', tool: 'one', input: { x: 1 } },
      { id: 'b', tool: 'two', input: {} },
    ],
    usage: { promptTokens: 7, completionTokens: 3, usd: 13e-6 },
  })
  expect(bodies[0]).toMatchObject({
    model: 'm',
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 9,
  })
  expect(JSON.stringify(bodies)).not.toContain(apiKey)
})

test('the same endpoint asked over the model port gives the same reply', async () => {
  const answer = sse(
    text('Hel'),
    text('lo'),
    {
      choices: [
        { delta: { tool_calls: [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x":1}' } }] } },
      ],
    },
    { choices: [{ delta: {}, finish_reason: 'tool_calls' }] },
    usage,
    '[DONE]',
  )
  const { chat, baseUrl } = await endpoint(answer)
  const models = createModels({ clock: { nowMs: Date.now } })
  closers.push(() => models.close())
  const choice = { provider: 'openai-compatible', model: 'm', baseUrl, apiKey } as const
  const tools = [{ name: 'one' }]
  const { usage: known, ...direct } = await chat({ ...ask, tools })
  const { usage: counted, ...ported } = await modelsChat(models, choice)({ ...ask, tools })
  expect(ported).toEqual(direct)
  expect(counted).toMatchObject({
    promptTokens: known?.promptTokens,
    completionTokens: known?.completionTokens,
  })
})

test('a conversation with images, calls and answers goes out as the format wants it', async () => {
  const { chat, bodies } = await endpoint(sse(text('x'), stop))
  await chat({
    messages: [
      { role: 'system', content: 's' },
      { role: 'user', content: 'u', images: ['data:image/png;base64,AA'] },
      { role: 'assistant', content: '', toolCalls: [{ id: 'c', tool: 't', input: { a: 1 } }] },
      { role: 'tool', content: 'r', toolCallId: 'c', name: 't' },
    ],
  })
  expect(bodies[0]?.messages).toEqual([
    { role: 'system', content: 's' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'u' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
      ],
    },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 't', arguments: '{"a":1}' } }],
    },
    { role: 'tool', content: 'r', tool_call_id: 'c' },
  ])
})

test('429 and 5xx are tried again with growing, jittered waits; Retry-After rules', async () => {
  const { chat, waits, bodies } = await endpoint(
    failing(500),
    failing(429, { 'retry-after': '7' }),
    failing(503),
    sse(text('done'), stop, usage),
  )
  expect(await chat(ask)).toMatchObject({ text: 'done' })
  expect(waits).toEqual([500 * 0.75, 7000 + 0.5 * 1000 * 0.1, 2000 * 0.75])
  expect(bodies).toHaveLength(4)
})

test('it gives up after its retries, on a refusal, and on a wait that is too long', async () => {
  const down = await endpoint(failing(502, {}, 'down'))
  await expect(down.chat(ask)).rejects.toThrow('HTTP 502: down')
  expect(down.bodies).toHaveLength(5)
  const refused = await endpoint(failing(400, {}, 'bad'))
  await expect(refused.chat(ask)).rejects.toThrow('HTTP 400: bad')
  expect(refused.bodies).toHaveLength(1)
  const patient = await endpoint(failing(429, { 'retry-after': '3600' }))
  await expect(patient.chat(ask)).rejects.toThrow('HTTP 429')
  expect(patient.bodies).toHaveLength(1)
})

test('the key is in no error, whatever the upstream says', async () => {
  const echo: Answer = (request, response) => {
    response.writeHead(401)
    response.end(`bad key ${request.headers.authorization}`)
  }
  const { chat } = await endpoint(echo)
  const error = await chat(ask).catch((thrown: unknown) => thrown)
  expect(String(error)).toContain('bad key Bearer ***')
  const stream = await endpoint(sse(text('x'), { error: { message: `no credit on ${apiKey}` } }))
  expect(String(await stream.chat(ask).catch((thrown: unknown) => thrown))).toContain('no credit on ***')
})

test('an answer that breaks off is tried again only while nothing has been shown', async () => {
  const cut: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${JSON.stringify(text('half'))}\n\n`, () => response.destroy())
  }
  const early: Answer = (_, response) => void response.destroy()
  const again = await endpoint(early, sse('not json'), sse(text('')), sse(text('whole'), stop))
  expect(await again.chat(ask)).toEqual({ text: 'whole' })
  expect(again.bodies).toHaveLength(4)
  const shown = await endpoint(cut, sse(text('other'), stop))
  const deltas: string[] = []
  await expect(shown.chat({ ...ask, onDelta: (delta) => deltas.push(delta) })).rejects.toThrow('broke off')
  expect(deltas).toEqual(['half'])
  expect(shown.bodies).toHaveLength(1)
})

test('an aborted call ends at once, while it hangs and while it waits', async () => {
  const hang: Answer = () => undefined
  const { chat } = await endpoint(hang)
  const stopping = new AbortController()
  const call = chat({ ...ask, signal: stopping.signal })
  setTimeout(() => stopping.abort(), 50)
  await expect(call).rejects.toThrow('aborted')
  const busy = await endpoint(failing(500))
  const aborted = AbortSignal.abort()
  await expect(busy.chat({ ...ask, signal: aborted })).rejects.toThrow('aborted')
})

test.each([
  [
    'hostile chunks',
    [
      null,
      5,
      [],
      { choices: 7 },
      { choices: [{ delta: { tool_calls: [null, 4, { index: -1e300, function: 9 }] } }] },
      text('ok'),
      stop,
    ],
  ],
  [
    'usage that lies',
    [
      text('ok'),
      stop,
      { usage: { prompt_tokens: -5, completion_tokens: 1.5 } },
      { usage: { prompt_tokens: '7' } },
    ],
  ],
])('%s change nothing', async (_, chunks) => {
  const { chat } = await endpoint(sse(...chunks))
  const reply = await chat(ask)
  expect(reply.text).toBe('ok')
  expect(reply.usage).toBeUndefined()
})

test('Retry-After is seconds or a date', () => {
  expect(parseRetryAfter('3', 0)).toBe(3000)
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 1000)).toBe(4000)
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 9000)).toBe(0)
  for (const odd of [null, '', '-1', 'soon', '1e9', 'NaN']) expect(parseRetryAfter(odd, 0)).toBeUndefined()
})
