import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Message, ToolCall } from './message.ts'
import { type Model, ModelError, type ModelEvent } from './model.ts'
import { createHarness, type RunPorts } from './run.ts'
import type { RunEvent } from './run-events.ts'
import type { Tool } from './tool.ts'
import { sizeBytes, truncate } from './truncate.ts'

/** Time that runs twenty times as fast, so that a tool that hangs costs little. */
const powers = {
  nowMs: () => Date.now(),
  after: (ms: number, fn: () => void) => {
    const timer = setTimeout(fn, ms / 20)
    return () => clearTimeout(timer)
  },
  random: () => 0,
}

const usage = { inputTokens: 10, cachedTokens: 0, outputTokens: 2 }

/** What a hostile or broken model may write. */
const call = fc.record<ToolCall>({
  id: fc.constantFrom('', 'a', 'a', 'b', 'call_1'),
  name: fc.constantFrom('fine', 'throws', 'hangs', 'unknown', 'asks', 'destroys', 'hidden'),
  argumentsText: fc.constantFrom(
    '{}',
    '{"x":1}',
    '{"x":"no"}',
    '{',
    '[]',
    'null',
    '{"__proto__":1}',
    '{"y":2}',
    '',
  ),
})

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ text: fc.string(), calls: fc.array(call, { minLength: 1, maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ text: fc.string(), calls: fc.constant<ToolCall[]>([]) }) },
  { weight: 1, arbitrary: fc.constant('fails' as const) },
  { weight: 1, arbitrary: fc.constant('breaks' as const) },
)

type Step = { text: string; calls: ToolCall[] } | 'fails' | 'breaks'

function scripted(steps: readonly Step[]): Model {
  let at = 0
  return {
    id: 'fake/one',
    caps: { tools: true, maxContext: null },
    stream: async function* (): AsyncIterable<ModelEvent> {
      const next = steps[at] ?? { text: 'done', calls: [] }
      at += 1
      if (next === 'fails') throw new ModelError('transient', 'busy')
      if (next === 'breaks') {
        yield { kind: 'text', text: 'half' }
        throw new ModelError('stream', 'cut')
      }
      if (next.text !== '') yield { kind: 'text', text: next.text }
      for (const one of next.calls) yield { kind: 'tool-call', call: one }
      yield { kind: 'end', reason: next.calls.length > 0 ? 'tools' : 'stop', usage }
    },
  }
}

const schema = { type: 'object', properties: { x: { type: 'integer' } } }

function toolset(executed: string[]): readonly Tool[] {
  const tool = (name: string, effects: Tool['effects'], execute: Tool['execute']): Tool => ({
    name,
    description: name,
    schema,
    effects,
    timeoutMs: 5,
    execute: (args, context) => {
      executed.push(name)
      return execute(args, context)
    },
  })
  return [
    tool('fine', 'read', async () => ({ text: 'ok', isError: false })),
    tool('throws', 'read', () => Promise.reject(new Error('broken'))),
    tool('hangs', 'read', () => new Promise(() => undefined)),
    tool('asks', 'external', async () => ({ text: 'asked', isError: false })),
    tool('destroys', 'destructive', async () => ({ text: 'gone', isError: false })),
    tool('hidden', 'read', async () => ({ text: 'never', isError: false })),
  ]
}

/** Between a call and the next thing said each call has exactly one result, in order; ids are unique. */
function expectValidHistory(messages: readonly Message[]): void {
  const ids = messages.flatMap((message) =>
    message.role === 'assistant' ? message.toolCalls.map(({ id }) => id) : [],
  )
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).not.toContain('')
  for (const [at, message] of messages.entries()) {
    if (message.role !== 'assistant') continue
    const results = messages.slice(at + 1, at + 1 + message.toolCalls.length)
    expect(results.map((one) => (one.role === 'tool' ? one.callId : one.role))).toEqual(
      message.toolCalls.map(({ id }) => id),
    )
  }
  const results = messages.filter(({ role }) => role === 'tool')
  expect(results.length).toBe(ids.length)
}

interface World {
  readonly throws: boolean
  readonly approves: boolean | null
  readonly charge: number
  readonly abortAt: number | null
}

/** A host that throws, stops, refuses and runs out of money as the world has it. */
function hostOf(
  { throws, approves, charge, abortAt }: World,
  events: RunEvent[],
  abort: AbortController,
): RunPorts {
  let charged = 0
  return {
    observe: (event) => {
      events.push(event)
      if (events.length === abortAt) abort.abort(new Error('stop'))
      if (throws) throw new Error('a watcher that throws')
    },
    chargeCall: () => {
      charged += 1
      return charged <= charge
    },
    ...(approves === null
      ? {}
      : { confirm: async () => (approves ? { kind: 'approved' } : { kind: 'denied', reason: 'no' }) }),
  }
}

it('keeps a valid history, one end and honest sums, whatever model, tools, ports and people do', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 6, size: 'max' }),
      fc.record({
        throws: fc.boolean(),
        approves: fc.option(fc.boolean()),
        charge: fc.constantFrom(0, 1, 3, 12, 100),
        abortAt: fc.oneof(
          { weight: 3, arbitrary: fc.constant(null) },
          { weight: 1, arbitrary: fc.nat({ max: 20 }) },
        ),
      }),
      async (steps, world) => {
        const executed: string[] = []
        const events: RunEvent[] = []
        const abort = new AbortController()
        const ports = hostOf(world, events, abort)
        const result = await createHarness(powers).run({
          runId: 'r',
          agent: { name: 'a', system: 's', limits: { maxIterations: 8 } },
          model: scripted(steps),
          tools: toolset(executed),
          permission: { visible: (tool) => tool.name !== 'hidden' },
          messages: [{ role: 'user', text: 'go' }],
          caller: { id: 'u', kind: 'user', roles: [] },
          ports,
          signal: abort.signal,
        })
        seen.add(result.status)
        expectValidHistory(result.messages)
        expect(events.filter(({ kind }) => kind === 'end').length).toBe(1)
        const started = events.flatMap((event) => (event.kind === 'tool-start' ? [event.callId] : [])).sort()
        const ended = events.flatMap((event) => (event.kind === 'tool-end' ? [event.callId] : [])).sort()
        expect(ended).toEqual(started)
        const spent = events.flatMap((event) =>
          event.kind === 'usage' ? [event.usage.inputTokens ?? 0] : [],
        )
        expect(result.usage.inputTokens).toBe(spent.reduce((sum, one) => sum + one, 0))
        expect(executed.length).toBeLessThanOrEqual(world.charge)
        expect(executed).not.toContain('hidden')
        if (world.approves !== true)
          expect(executed.some((name) => name === 'asks' || name === 'destroys')).toBe(false)
      },
    ),
    { numRuns: 300 },
  )
  expect(seen.size).toBeGreaterThan(1)
}, 20_000)

it('cuts text between code points and within its bounds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.nat({ max: 500 }), (text, most) => {
      const cut = truncate(text, most)
      expect(cut.isCut).toBe(sizeBytes(text) > most)
      expect(sizeBytes(cut.text)).toBeLessThanOrEqual(Math.max(most, 0))
      if (!cut.isCut) expect(cut.text).toBe(text)
      else expect(cut.text).not.toContain('\uFFFD')
    }),
  )
})
