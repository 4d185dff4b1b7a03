import { afterEach, describe, expect, it } from 'vitest'
import { type ModelServer, startModelServer } from '../../../e2e/fixtures/model-server/model-server.ts'
import type { Script, Turn } from '../../../e2e/fixtures/model-server/turn.ts'
import { SignalboxError } from '../../contract/errors.ts'
import { type ModelEvent, ModelFault, type ModelRequest } from '../../ports/models.ts'
import { apiAddress, listAddress } from './addresses.ts'
import { createModels } from './models.ts'

const providers = ['openai-compatible', 'anthropic', 'google', 'ollama'] as const
const key = 'sk-test-0123456789'
const opened: ModelServer[] = []

afterEach(async () => {
  for (const server of opened.splice(0)) await server.close()
})

async function serverFor(script: Script, options: { key?: string; frameDelayMs?: number } = {}) {
  const server = await startModelServer({ script, models: ['fake', 'other'], ...options })
  opened.push(server)
  return server
}

function requestTo(
  server: ModelServer,
  provider: ModelRequest['provider'],
  more: Partial<ModelRequest> = {},
) {
  const tool = {
    name: 'write_file',
    description: 'Writes a file.',
    schema: {
      type: 'object',
      properties: { path: { type: 'string' }, content: { type: 'string' } },
      required: ['path', 'content'],
    },
  }
  return {
    provider,
    model: 'fake',
    baseUrl: server.url,
    apiKey: key,
    messages: [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Write it.' },
    ],
    tools: [tool],
    maxOutputTokens: 500,
    ...more,
  } satisfies ModelRequest
}

const models = createModels({ clock: { nowMs: () => 1_000_000 } })

async function collect(request: ModelRequest, signal = new AbortController().signal): Promise<ModelEvent[]> {
  const events: ModelEvent[] = []
  for await (const event of models.stream(request, signal)) events.push(event)
  return events
}

async function faultOf(request: ModelRequest): Promise<{ error: SignalboxError; fault: ModelFault }> {
  const error = await collect(request).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof SignalboxError) || !(error.cause instanceof ModelFault)) throw error
  return { error, fault: error.cause }
}

const call: Turn = {
  text: ['I will ', 'write.'],
  calls: [
    { name: 'write_file', args: { path: 'ä b.txt', content: 'line one\nline "two" 🚦\n' } },
    { name: 'write_file', args: { path: 'c.txt', content: '' } },
  ],
  usage: { inputTokens: 1200, cachedTokens: 200, outputTokens: 40 },
}

describe.each(providers)('%s', (provider) => {
  it('streams text, two tool calls with arguments in pieces, and usage with cached tokens', async () => {
    const server = await serverFor([call])
    const events = await collect(requestTo(server, provider))
    expect(events.filter(({ kind }) => kind === 'text').map((one) => 'text' in one && one.text)).toEqual([
      'I will ',
      'write.',
    ])
    const calls = events.flatMap((event) => (event.kind === 'tool-call' ? [event.call] : []))
    expect(calls.map((one) => JSON.parse(one.argumentsText))).toEqual(call.calls?.map(({ args }) => args))
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    expect(events.at(-1)).toEqual({
      kind: 'end',
      reason: 'tools',
      usage: { inputTokens: 1200, cachedTokens: 200, outputTokens: 40 },
    })
    expect(server.requests.map((request) => request.key)).toEqual([key])
  })

  it('hands tool results back so that the upstream sees call and result', async () => {
    const server = await serverFor([{ text: ['Done.'] }])
    const toolCall = { id: 'call_1', name: 'write_file', argumentsText: '{"path":"a","content":"b"}' }
    const broken = { id: 'call_2', name: 'write_file', argumentsText: '{"path":' }
    const result = { role: 'tool', name: 'write_file' } as const
    await collect(
      requestTo(server, provider, {
        messages: [
          { role: 'user', text: 'Write it.' },
          { role: 'assistant', text: '', toolCalls: [toolCall, broken] },
          { ...result, callId: 'call_1', text: 'written', isError: false },
          { ...result, callId: 'call_2', text: 'bad arguments', isError: true },
        ],
      }),
    )
    const seen = server.requests[0]?.call?.messages ?? []
    expect(seen.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool'])
    expect(JSON.parse(seen[1]?.calls[0]?.argumentsText ?? '')).toEqual({ path: 'a', content: 'b' })
    expect(seen[2]?.text).toContain('written')
    expect(seen[3]?.text).toContain('bad arguments')
  })

  it('tells a wrong key from a busy upstream, and never repeats the key', async () => {
    const server = await serverFor([{ fault: { kind: 'status', status: 429, retryAfterS: 7 } }], {
      key: 'right',
    })
    const denied = await faultOf(requestTo(server, provider))
    expect(denied.fault).toMatchObject({ kind: 'denied', status: 401 })
    expect(denied.error.message + denied.fault.message + JSON.stringify(denied.error.data)).not.toContain(key)
    expect(denied.error.data).toHaveProperty('remedy')
    const busy = await faultOf(requestTo(server, provider, { apiKey: 'right' }))
    expect(busy.fault).toMatchObject({ kind: 'transient', status: 429, retryAfterMs: 7000 })
  })

  it.each(['broken-chunk', 'cut'] as const)(
    'reports a stream that ends by %s and gives out no tool call',
    async (kind) => {
      const server = await serverFor([{ ...call, fault: { kind, afterFrames: 5 } }])
      const seen: ModelEvent[] = []
      const failing = async () => {
        const { signal } = new AbortController()
        for await (const event of models.stream(requestTo(server, provider), signal)) seen.push(event)
      }
      await expect(failing()).rejects.toMatchObject({ code: 'model_failed' })
      expect(seen.some(({ kind }) => kind === 'tool-call' || kind === 'end')).toBe(false)
    },
  )

  it('stops a stalled call at once when told to', async () => {
    const server = await serverFor([{ ...call, fault: { kind: 'stall', afterFrames: 2 } }])
    const abort = new AbortController()
    const running = collect(requestTo(server, provider), abort.signal)
    setTimeout(() => abort.abort(new Error('stopped by hand')), 60)
    await expect(running).rejects.toThrow('stopped by hand')
  })

  it('lists what the upstream offers', async () => {
    const server = await serverFor([])
    const { signal } = new AbortController()
    expect(await models.list(provider, server.url, key, signal)).toEqual(['fake', 'other'])
    expect(await models.list(provider, 'http://127.0.0.1:1', key, signal)).toEqual([])
  })
})

it.each(['ftp://host/v1', 'no address', '', 'file:///etc/passwd'])(
  'does not try %j as an address',
  async (baseUrl) => {
    const server = await serverFor([])
    const { fault } = await faultOf(requestTo(server, 'openai-compatible', { baseUrl }))
    expect(fault.kind).toBe('denied')
  },
)

it('takes addresses as people write them', () => {
  expect(apiAddress('anthropic', 'http://h:1/')).toBe('http://h:1/v1')
  expect(apiAddress('anthropic', 'http://h:1/v1/')).toBe('http://h:1/v1')
  expect(apiAddress('google', 'http://h:1')).toBe('http://h:1/v1beta')
  expect(apiAddress('openai-compatible', 'http://h:1')).toBe('http://h:1/v1')
  expect(apiAddress('openai-compatible', 'http://h:1/api/openai')).toBe('http://h:1/api/openai')
  expect(listAddress('ollama', 'http://h:1/v1')).toBe('http://h:1/api/tags')
})

it('knows prices of dated names and no others', () => {
  expect(models.price('anthropic', 'claude-sonnet-4-5-20250929')).toEqual({
    input: 3000,
    cachedInput: 300,
    output: 15_000,
    cacheWrite: 3750,
  })
  expect(models.price('google', 'models/gemini-2.5-flash')?.output).toBe(2500)
  expect(models.price('openai-compatible', 'some-local-model')).toBeUndefined()
  expect(models.price('openai-compatible', 'constructor')).toBeUndefined()
})
