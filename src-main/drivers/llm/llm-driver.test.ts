import { expect, test } from 'vitest'
import { estTokens } from '../../kernel/body-text.ts'
import type { Pid } from '../../kernel/ids.ts'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import type { ModelEvent, ModelRequest, Models } from '../../ports/models.ts'
import type { ChatFn, LlmReply, LlmRequest } from './chat.ts'
import { estimateTokens, llmDriver } from './llm-driver.ts'
import { modelsChat } from './models-chat.ts'

const messages = [{ role: 'user', content: 'hello' }] as const
const owner = 1 as Pid

test('reported usage is charged as it is', async () => {
  const handle = await llmDriver(async () => ({
    text: 'hi',
    usage: { promptTokens: 5, completionTokens: 2, usd: 0.000_000_001_4 },
  })).open(owner)
  expect(await handle.read?.({ messages })).toEqual({
    value: { text: 'hi', usage: { promptTokens: 5, completionTokens: 2, usd: 0.000_000_001_4 } },
    cost: { tokens: 7, usd: 2e-9 },
  })
})

test('missing usage is estimated with the kernel’s measure, and said to be', async () => {
  const handle = await llmDriver(async () => ({ text: 'hi there' })).open(owner)
  const result = await handle.read?.({ messages })
  const promptTokens = estTokens([messages, null])
  expect(result).toMatchObject({
    value: { usage: { promptTokens, completionTokens: estTokens('hi there'), estimated: true } },
    cost: { tokens: promptTokens + estTokens('hi there') },
  })
  for (const value of ['', 'é漢😀', { a: [1, null] }, undefined])
    expect(estimateTokens(value)).toBe(estTokens(value))
})

test('a call that breaks off is charged for what had come', async () => {
  const chat: ChatFn = async ({ onDelta }) => {
    onDelta?.('twelve chars')
    throw new Error('cut')
  }
  const handle = await llmDriver(chat).open(owner)
  const error = await Promise.resolve(handle.read?.({ messages })).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    message: 'cut',
    cost: { tokens: estTokens([messages, null]) + estTokens('twelve chars') },
  })
  const nothing = await llmDriver(async () => Promise.reject(new Error('down'))).open(owner)
  expect(
    await Promise.resolve(nothing.read?.({ messages })).catch((thrown: unknown) => thrown),
  ).not.toHaveProperty('cost')
})

test('closing aborts the call, and its listener hears nothing more', async () => {
  let heardSignal: AbortSignal | undefined
  const told: string[] = []
  const chat: ChatFn = ({ signal, onDelta }) =>
    new Promise((_, reject) => {
      heardSignal = signal
      signal?.addEventListener('abort', () => {
        onDelta?.('late')
        reject(new Error('stopped'))
      })
    })
  const handle = await llmDriver(chat).open(owner)
  const call = handle.read?.({ messages, onDelta: (text: string) => told.push(text) })
  await handle.close?.()
  await expect(call).rejects.toThrow('stopped')
  expect(heardSignal?.aborted).toBe(true)
  expect(told).toEqual([])
  await expect(handle.read?.({ messages })).rejects.toThrow('aborted')
})

test('a listener that throws is no failure of the model, and malformed requests are refused', async () => {
  const chat: ChatFn = async ({ onDelta }) => {
    onDelta?.('x')
    return { text: 'x' }
  }
  const handle = await llmDriver(chat).open(owner)
  const onDelta = (): void => {
    throw new Error('mine')
  }
  expect(await handle.read?.({ messages, onDelta })).toMatchObject({ value: { text: 'x' } })
  for (const odd of [undefined, null, 5, {}, { messages: 'x' }])
    await expect((async () => handle.read?.(odd))()).rejects.toThrow('needs messages')
})

test('through the kernel: side channels reach the chat function, and a token budget ends the process', async () => {
  const test = testKernel()
  test.kernel.registerDriver(
    llmDriver(async ({ onDelta, messages: sent }) => {
      onDelta?.(`echo ${sent[0]?.content}`)
      return { text: 'ok', usage: { promptTokens: 60, completionTokens: 0 } }
    }),
  )
  const deltas: string[] = []
  const reason = await runRoot(
    test,
    async (sys) => {
      const boot = await sys.recv<{ devices: { llm: Parameters<typeof sys.open>[0] } }>()
      const llm = await sys.open(boot.body.devices.llm)
      await sys.read<LlmReply>(llm, { messages, onDelta: (text: string) => deltas.push(text) })
      await sys.read<LlmReply>(llm, { messages })
      deltas.push('never')
    },
    { grant: ['llm'], quota: { tokens: 100 } },
  )
  expect(reason).toEqual({ kind: 'quota', resource: 'tokens' })
  expect(deltas).toEqual(['echo hello'])
})

function models(events: readonly ModelEvent[], seen: ModelRequest[]): Models {
  return {
    async *stream(request) {
      seen.push(request)
      yield* events
    },
    price: () => ({ input: 1000, cachedInput: 100, output: 2000 }),
    list: async () => [],
  }
}

test('over the model port: text, calls, usage with cached tokens and price', async () => {
  const seen: ModelRequest[] = []
  const events: ModelEvent[] = [
    { kind: 'reasoning', text: 'hm' },
    { kind: 'text', text: 'a' },
    { kind: 'text', text: 'b' },
    { kind: 'tool-call', call: { id: 'c', name: 't', argumentsText: '{"x":1}' } },
    { kind: 'tool-call', call: { id: 'd', name: 't', argumentsText: '{broken' } },
    { kind: 'end', reason: 'tools', usage: { inputTokens: 10, cachedTokens: 4, outputTokens: 3 } },
  ]
  const chat = modelsChat(models(events, seen), {
    provider: 'anthropic',
    model: 'm',
    baseUrl: null,
    apiKey: 'k',
  })
  const deltas: string[] = []
  const request: LlmRequest = {
    messages: [
      { role: 'assistant', content: '', toolCalls: [{ id: 'c', tool: 't', input: { a: 1 } }] },
      { role: 'tool', content: 'r', toolCallId: 'c', name: 't' },
    ],
    tools: [{ name: 't' }],
    maxTokens: 5,
    onDelta: (text) => deltas.push(text),
  }
  expect(await chat(request)).toEqual({
    text: 'ab',
    toolCalls: [
      { id: 'c', tool: 't', input: { x: 1 } },
      { id: 'd', tool: 't', input: '{broken' },
    ],
    usage: { promptTokens: 10, completionTokens: 3, usd: (6 * 1000 + 4 * 100 + 3 * 2000) / 1e9 },
  })
  expect(deltas).toEqual(['a', 'b'])
  expect(seen[0]).toMatchObject({
    maxOutputTokens: 5,
    messages: [
      { role: 'assistant', toolCalls: [{ id: 'c', name: 't', argumentsText: '{"a":1}' }] },
      { role: 'tool', callId: 'c', name: 't', text: 'r', isError: false },
    ],
    tools: [{ name: 't', description: '', schema: { type: 'object', properties: {} } }],
  })
})

test('over the model port: half a usage is completed and flagged, none is left to the driver', async () => {
  const choice = { provider: 'openai-compatible', model: 'm', baseUrl: null, apiKey: undefined } as const
  const end = (inputTokens: number | null): ModelEvent => ({
    kind: 'end',
    reason: 'stop',
    usage: { inputTokens, cachedTokens: null, outputTokens: null },
  })
  const half = await modelsChat(models([{ kind: 'text', text: 'x' }, end(9)], []), choice)({ messages })
  expect(half.usage).toMatchObject({ promptTokens: 9, estimated: true })
  const none = await modelsChat(models([{ kind: 'text', text: 'x' }, end(null)], []), choice)({ messages })
  expect(none.usage).toBeUndefined()
})
