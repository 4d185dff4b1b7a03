import { describe, expect, it } from 'vitest'
import { checkArguments } from './arguments.ts'
import { createFailover } from './failover.ts'
import type { ToolCall } from './message.ts'
import { type Model, ModelError, type ModelErrorKind, type ModelEvent } from './model.ts'
import { resolveModelNames } from './model-names.ts'
import { createRegistry } from './registry.ts'
import { createHarness } from './run.ts'
import type { Tool } from './tool.ts'

/** Time that stands still until it is moved; waits are recorded and end at once. */
function manualPowers() {
  const waits: number[] = []
  let atMs = 1_000_000
  return {
    waits,
    pass: (ms: number) => {
      atMs += ms
    },
    nowMs: () => atMs,
    random: () => 0.5,
    after: (ms: number, fn: () => void) => {
      // Bounds of calls are long; only waits between attempts run out here.
      if (ms >= 60_000) return () => undefined
      waits.push(ms)
      const timer = setImmediate(fn)
      return () => clearImmediate(timer)
    },
  }
}

const usage = { inputTokens: 5, cachedTokens: null, outputTokens: 1 }
const never = new AbortController().signal

function model(
  id: string,
  behaviour: readonly (ModelErrorKind | 'ok' | 'half')[],
  retryAfterMs: number | null = null,
) {
  let calls = 0
  const made: Model & { calls: () => number } = {
    id,
    caps: { tools: true, maxContext: null },
    calls: () => calls,
    stream: async function* (): AsyncIterable<ModelEvent> {
      const what = behaviour[Math.min(calls, behaviour.length - 1)] ?? 'ok'
      calls += 1
      if (what === 'half') {
        yield { kind: 'text', text: 'half' }
        throw new ModelError('stream', 'cut')
      }
      if (what !== 'ok') throw new ModelError(what, `${id} says ${what}`, retryAfterMs)
      yield { kind: 'text', text: id }
      yield { kind: 'end', reason: 'stop', usage }
    },
  }
  return made
}

async function ask(one: Model): Promise<string> {
  let text = ''
  for await (const event of one.stream({ messages: [], tools: [], maxOutputTokens: 1 }, never))
    if (event.kind === 'text') text += event.text
  return text
}

describe('failover', () => {
  it('tries three times where it may pass, then the next, with the waits it was asked for', async () => {
    const powers = manualPowers()
    const first = model('a/1', ['transient'], 7000)
    const second = model('b/2', ['ok'])
    expect(await ask(createFailover([first, second], { powers }))).toBe('b/2')
    expect(first.calls()).toBe(3)
    expect(powers.waits).toEqual([7000, 7000])
  })

  it('waits no longer than half a minute, whatever an upstream asks', async () => {
    const powers = manualPowers()
    await ask(createFailover([model('a/1', ['transient', 'ok'], 600_000)], { powers }))
    expect(powers.waits).toEqual([30_000])
  })

  it.each([
    ['denied', 1, 'b/2'],
    ['context', 1, undefined],
    ['first-byte', 1, 'b/2'],
    ['refused', 1, undefined],
    ['half', 1, undefined],
  ] as const)('on %s calls it %d time and then answers from %s', async (kind, times, answer) => {
    const first = model('a/1', [kind])
    const both = createFailover([first, model('b/2', ['ok'])], { powers: manualPowers() })
    if (answer === undefined) await expect(ask(both)).rejects.toBeInstanceOf(ModelError)
    else expect(await ask(both)).toBe(answer)
    expect(first.calls()).toBe(times)
  })

  it('leaves a candidate alone that was denied, until ten minutes are over', async () => {
    const powers = manualPowers()
    const first = model('a/1', ['denied', 'ok'])
    const both = createFailover([first, model('b/2', ['ok'])], { powers })
    expect([await ask(both), await ask(both)]).toEqual(['b/2', 'b/2'])
    expect(first.calls()).toBe(1)
    powers.pass(600_001)
    expect(await ask(both)).toBe('a/1')
  })

  it('names what each candidate said when all fail', async () => {
    const all = createFailover([model('a/1', ['denied']), model('b/2', ['denied'])], {
      powers: manualPowers(),
    })
    await expect(ask(all)).rejects.toThrow('a/1: a/1 says denied; b/2: b/2 says denied')
  })
})

describe('a run', () => {
  const tool = (name: string, execute: Tool['execute']): Tool => ({
    name,
    description: '',
    schema: {},
    effects: 'read',
    execute,
  })

  function calling(calls: readonly ToolCall[]): Model {
    return {
      id: 'm/m',
      caps: { tools: true, maxContext: null },
      stream: async function* (): AsyncIterable<ModelEvent> {
        for (const call of calls) yield { kind: 'tool-call', call }
        yield { kind: 'end', reason: 'tools', usage }
      },
    }
  }

  const request = (one: Model, tools: readonly Tool[], signal: AbortSignal = never) => ({
    runId: 'r',
    agent: { name: 'a', system: '' },
    model: one,
    tools,
    permission: {},
    messages: [{ role: 'user', text: 'go' } as const],
    caller: { id: 'u', kind: 'user', roles: [] } as const,
    ports: {},
    signal,
  })

  it('warns of a loop at the third equal call and stops at the fifth', async () => {
    let made = 0
    const count = tool('count', async () => {
      made += 1
      return { text: '', isError: false }
    })
    const harness = createHarness(manualPowers())
    const result = await harness.run(
      request(calling([{ id: '', name: 'count', argumentsText: '{}' }]), [count]),
    )
    expect(result.status).toBe('guard')
    expect(made).toBe(5)
    expect(result.messages.filter(({ role }) => role === 'user').length).toBe(3)
  })

  it('runs calls side by side and answers in their order', async () => {
    const order: string[] = []
    const slow = tool('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      order.push('slow')
      return { text: 'slow', isError: false }
    })
    const quick = tool('quick', async () => {
      order.push('quick')
      return { text: 'quick', isError: false }
    })
    const calls = [
      { id: '1', name: 'slow', argumentsText: '' },
      { id: '2', name: 'quick', argumentsText: '' },
    ]
    const limited = {
      ...request(calling(calls), [slow, quick]),
      agent: { name: 'a', system: '', limits: { maxIterations: 1 } },
    }
    const result = await createHarness(manualPowers()).run(limited)
    expect(order).toEqual(['quick', 'slow'])
    expect(result.messages.flatMap((one) => (one.role === 'tool' ? [one.text] : []))).toEqual([
      'slow',
      'quick',
    ])
  })

  it('ends within a second when told to, though the tool and the model do not listen', async () => {
    const powers = {
      nowMs: () => Date.now(),
      random: () => 0,
      after: (ms: number, fn: () => void) => {
        const timer = setTimeout(fn, ms)
        return () => clearTimeout(timer)
      },
    }
    const deaf = tool('deaf', () => new Promise(() => undefined))
    const mute: Model = {
      id: 'm/m',
      caps: { tools: true, maxContext: null },
      stream: async function* (): AsyncIterable<ModelEvent> {
        await new Promise(() => undefined)
      },
    }
    for (const one of [calling([{ id: 'x', name: 'deaf', argumentsText: '' }]), mute]) {
      const abort = new AbortController()
      const running = createHarness(powers).run(request(one, [deaf], abort.signal))
      setTimeout(() => abort.abort(new Error('stop')), 30)
      const startedAtMs = Date.now()
      expect((await running).status).toBe('aborted')
      expect(Date.now() - startedAtMs).toBeLessThan(1000)
    }
  })
})

describe('names and arguments', () => {
  it('resolves tiers and aliases in order, splits on the first slash, and names a circle', () => {
    const names = {
      tiers: { smart: 'best, openai-compatible/org/model:1' },
      aliases: { best: 'anthropic/claude', a: 'b', b: 'a' },
    }
    expect(resolveModelNames('smart', names)).toEqual([
      { provider: 'anthropic', model: 'claude' },
      { provider: 'openai-compatible', model: 'org/model:1' },
    ])
    expect(() => resolveModelNames('a', names)).toThrow('a → b → a')
    expect(() => resolveModelNames('constructor', names)).toThrow('tiers: smart')
  })

  it.each([
    ['{"path":"a","n":3}', true],
    ['', false],
    ['{"path":"a","more":1}', false],
    ['{"path":5}', false],
    ['{"path":"a","n":2.5}', false],
    ['{"path":"a","__proto__":{"x":1}}', false],
    ['"text"', false],
    ['{"path":"', false],
  ])('checks %s', (text, ok) => {
    const schema = {
      properties: { path: { type: 'string' }, n: { type: 'integer', default: 1 } },
      required: ['path'],
    }
    expect(checkArguments(text, schema).ok).toBe(ok)
  })

  it('has one tool per name, for good', () => {
    const tool: Tool = {
      name: 'one',
      description: '',
      schema: {},
      effects: 'read',
      execute: async () => ({ text: '', isError: false }),
    }
    const registry = createRegistry([tool])
    expect(() => registry.register(tool)).toThrow('already')
    expect(() => registry.register({ ...tool, name: 'No Name' })).toThrow('no tool name')
    registry.freeze()
    expect(() => registry.register({ ...tool, name: 'two' })).toThrow('frozen')
    expect(registry.palette(['one', 'other']).map(({ name }) => name)).toEqual(['one'])
  })
})
