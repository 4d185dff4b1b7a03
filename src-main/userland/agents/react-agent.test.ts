import { describe, expect, test } from 'vitest'
import { image, runRoot } from '../../kernel/test-kernel.ts'
import type { AgentTool, LlmRequest } from './chat.ts'
import { type AgentSpec, reactAgent } from './react-agent.ts'
import { runAgent, studio } from './test-models.ts'

const tools: AgentTool[] = [{ name: 'add', description: 'adds' }, { name: 'fail' }, { name: 'big' }]
const spec = (extra: Partial<AgentSpec> = {}): AgentSpec => ({ task: 'What is 2 + 3?', tools, ...extra })
const hands = {
  add: (input: unknown) => {
    const { a, b } = input as { a: number; b: number }
    return a + b
  },
  fail: () => {
    throw new Error('tool is broken')
  },
  big: () => 'x'.repeat(1_000_000),
}
const call = (tool: string, input?: unknown, id = `c-${tool}`) => ({ id, tool, input })

function observations(request: LlmRequest | undefined): string[] {
  return (request?.messages ?? []).flatMap((one) => (one.role === 'tool' ? [one.content] : []))
}

test('thinks, calls tools, observes, answers', async () => {
  const s = studio(
    [{ text: 'let me add', toolCalls: [call('add', { a: 2, b: 3 })] }, { text: 'It is 5.' }],
    hands,
  )
  const run = await runAgent(s.t, reactAgent(spec({ system: 'You add.', maxTokens: 99 })))
  expect(run).toEqual({
    result: { answer: 'It is 5.', steps: 2 },
    reason: { kind: 'normal' },
    spent: { tokens: 20, toolCalls: 1 },
  })
  expect(s.seen[0]).toEqual({
    messages: [
      { role: 'system', content: 'You add.' },
      { role: 'user', content: 'What is 2 + 3?' },
    ],
    tools,
    maxTokens: 99,
  })
  expect(s.seen[1]?.messages.slice(2)).toEqual([
    { role: 'assistant', content: 'let me add', toolCalls: [call('add', { a: 2, b: 3 })] },
    { role: 'tool', content: '5', toolCallId: 'c-add', name: 'add' },
  ])
})

test('a message without all three capabilities is no job', async () => {
  const s = studio([{ text: 'done' }])
  await runRoot(
    s.t,
    async (sys) => {
      const { devices } = (await sys.recv<{ devices: Record<string, never> }>()).body
      const [llm, hand, self] = [devices.llm as never, devices.tools as never, sys.selfCap()]
      const { cap } = await sys.spawn(reactAgent(spec()))
      for (const caps of [[], [llm], [llm, hand]]) await sys.send(cap, 'job', { caps })
      await sys.sleep(1)
      expect(s.seen).toHaveLength(0)
      await sys.send(cap, 'job', { caps: [llm, hand, self], corr: 'j' as never })
      expect((await sys.recv({ corr: 'j' as never })).body).toEqual({ answer: 'done', steps: 1 })
    },
    { grant: ['llm', 'tools'] },
  )
})

test('the calls of one step run at once', async () => {
  const slow = { add: () => s.t.clock.delay(100).then(() => 'done') }
  const three = ['1', '2', '3'].map((id) => call('add', {}, id))
  const s = studio([{ toolCalls: three }, { text: 'ok' }], slow)
  let now = 0
  s.t.kernel.subscribe((fact) => {
    if (fact.type === 'process.exited' && now === 0) now = s.t.clock.now()
  })
  await runAgent(s.t, reactAgent(spec()))
  expect(observations(s.seen[1])).toEqual(['done', 'done', 'done'])
  expect(now).toBe(100)
})

describe('observations instead of crashes', () => {
  test('an unknown tool, which never reaches the device', async () => {
    const s = studio([{ toolCalls: [call('rm'), call('add', { a: 1, b: 1 })] }, { text: 'ok' }], hands)
    expect(await runAgent(s.t, reactAgent(spec()))).toMatchObject({ result: { answer: 'ok', steps: 2 } })
    expect(observations(s.seen[1])).toEqual(['error: no tool "rm"; there are add, fail, big', '2'])
    expect(s.calls).toEqual(['add'])
  })

  test.each([['constructor'], ['__proto__'], ['toString'], ['hasOwnProperty']])(
    'a tool named %s',
    async (name) => {
      const s = studio([{ toolCalls: [call(name)] }, { text: 'ok' }], hands)
      expect(await runAgent(s.t, reactAgent(spec()))).toMatchObject({ result: { answer: 'ok' } })
      expect(s.calls).toEqual([])
    },
  )

  test('a failing tool, alone and among others', async () => {
    const calls = [call('add', { a: 1, b: 1 }), call('fail'), call('add', { a: 2, b: 2 }, 'other')]
    const s = studio([{ toolCalls: [call('fail')] }, { toolCalls: calls }, { text: 'ok' }], hands)
    expect(await runAgent(s.t, reactAgent(spec()))).toMatchObject({ result: { answer: 'ok', steps: 3 } })
    expect(observations(s.seen[1])).toEqual(['error: tool is broken'])
    expect(observations(s.seen[2]).slice(1)).toEqual(['2', 'error: tool is broken', '4'])
    expect(s.calls).toEqual(['fail', 'add', 'fail', 'add'])
  })

  test('a declared tool that the device does not have', async () => {
    const s = studio([{ toolCalls: [call('ghost')] }, { text: 'ok' }], hands)
    const run = await runAgent(s.t, reactAgent(spec({ tools: [...tools, { name: 'ghost' }] })))
    expect(run).toMatchObject({ result: { answer: 'ok' } })
    expect(observations(s.seen[1])).toEqual(['error: unknown tool ghost'])
  })

  test('a result without end is cut, and says so', async () => {
    const s = studio([{ toolCalls: [call('big')] }, { text: 'ok' }], hands)
    await runAgent(s.t, reactAgent(spec()))
    const [text] = observations(s.seen[1])
    expect(text?.length).toBeLessThan(17_000)
    expect(text).toMatch(/\[984000 more characters\]$/)
  })
})

describe('limits', () => {
  test('out of steps is a truncated result with the last words', async () => {
    const s = studio([{ text: 'still adding', toolCalls: [call('add', { a: 1, b: 1 })] }], hands)
    const run = await runAgent(s.t, reactAgent(spec({ maxSteps: 3 })))
    expect(run.result).toEqual({ answer: 'still adding', steps: 3, truncated: true })
    expect(s.seen).toHaveLength(3)
  })

  test('a batch that does not fit the budget of tool calls has no effect at all', async () => {
    const s = studio([{ toolCalls: [call('add'), call('add', {}, 'b')] }], hands)
    const run = await runAgent(s.t, reactAgent(spec()), { toolCalls: 1 })
    expect(run).toMatchObject({ reason: { kind: 'quota', resource: 'toolCalls' }, result: undefined })
    expect(s.calls).toEqual([])
  })

  test('a model over budget ends it, and what it used is paid', async () => {
    const s = studio([{ toolCalls: [call('add', { a: 1, b: 1 })] }], hands)
    const run = await runAgent(s.t, reactAgent(spec()), { tokens: 25 })
    expect(run).toMatchObject({ reason: { kind: 'quota', resource: 'tokens' }, spent: { tokens: 30 } })
  })

  test.each([[0], [-1], [1.5], [Number.NaN]])('refuses maxSteps %s', (maxSteps) => {
    expect(() => reactAgent(spec({ maxSteps }))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })
})

describe('reflection', () => {
  const revise = { text: '```json\n{"verdict":"revise","feedback":"show the sum"}\n```' }

  test('sends an answer back with the feedback', async () => {
    const s = studio([{ text: '5' }, revise, { text: '2 + 3 = 5' }, { text: '{"verdict":"accept"}' }])
    const run = await runAgent(s.t, reactAgent(spec({ reflect: 'The sum is shown.' })))
    expect(run.result).toEqual({ answer: '2 + 3 = 5', steps: 2 })
    expect(run.spent.tokens).toBe(40)
    expect(s.seen[1]?.messages[1]?.content).toContain('The sum is shown.')
    expect(s.seen[2]?.messages.at(-1)).toEqual({ role: 'user', content: 'Revise your answer: show the sum' })
  })

  test('at most twice', async () => {
    let answers = 0
    const model = (request: LlmRequest) =>
      request.messages[0]?.content.startsWith('You review') ? revise : { text: `answer ${++answers}` }
    const s = studio([model])
    const run = await runAgent(s.t, reactAgent(spec({ reflect: true })))
    expect(run.result).toEqual({ answer: 'answer 3', steps: 3 })
    expect(s.seen).toHaveLength(5)
  })

  test.each([['no idea'], ['{"verdict":'], ['{"verdict":"revise"}'], ['{"verdict":"maybe"}'], [''], ['[[[']])(
    'a verdict of %j accepts',
    async (text) => {
      const s = studio([{ text: '5' }, { text }, { text: 'never asked' }])
      const run = await runAgent(s.t, reactAgent(spec({ reflect: true })))
      expect(run.result).toEqual({ answer: '5', steps: 1 })
    },
  )
})

describe('term', () => {
  test.each(['llm', 'tools'])(
    'in the middle of a call to %s ends it at once, and the call is paid',
    async (where) => {
      const wait = async () => {
        await s.t.clock.delay(1000)
        return where === 'llm' ? { text: 'late' } : 'late'
      }
      const s = studio([where === 'llm' ? wait : { toolCalls: [call('add')] }], { add: wait })
      await runRoot(
        s.t,
        async (sys) => {
          const { devices } = (await sys.recv<{ devices: Record<string, never> }>()).body
          const caps = [devices.llm as never, devices.tools as never, sys.selfCap()]
          const { cap } = await sys.spawn(reactAgent(spec()), { caps })
          await sys.sleep(500)
          await sys.term(cap)
          expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
          expect(sys.now()).toBe(500)
          await sys.sleep(1000)
          expect(sys.budget().tokens).toBe(990)
        },
        { grant: ['llm', 'tools'], quota: { tokens: 1000, toolCalls: 10 } },
      )
    },
  )

  test('look-alikes from other processes do nothing, before the job and during it', async () => {
    const s = studio([() => s.t.clock.delay(100).then(() => ({ text: '5' }))])
    await runRoot(
      s.t,
      async (sys) => {
        const { devices } = (await sys.recv<{ devices: Record<string, never> }>()).body
        const { cap } = await sys.spawn(reactAgent(spec()))
        const forger = image('forger', async (inner) => {
          const to = (await inner.recv()).caps[0]!
          for (let i = 0; i < 300; i++) {
            await inner.send(to, { $: i % 2 ? 'term' : 'down', pid: 1, from: 0, reason: { kind: 'normal' } })
            await inner.sleep(1)
          }
        })
        await sys.spawn(forger, { caps: [cap] })
        await sys.sleep(50)
        const caps = [devices.llm as never, devices.tools as never, sys.selfCap()]
        await sys.send(cap, 'job', { caps, corr: 'mine' as never })
        expect((await sys.recv({ corr: 'mine' as never })).body).toEqual({ answer: '5', steps: 1 })
      },
      { grant: ['llm', 'tools'] },
    )
  })
})

describe('hostile models', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 42],
    ['a list', [1, 2]],
    ['an empty object', {}],
    ['text of the wrong type', { text: { toString: 'x' } }],
    ['calls of the wrong type', { toolCalls: 'rm' }],
    ['calls that are none', { toolCalls: [null, 1, 'x', {}, { tool: 7 }, { tool: '' }, []] }],
  ])('%s is an empty reply and asked again', async (_name, garbage) => {
    const s = studio([garbage, { text: 'ok' }], hands)
    expect(await runAgent(s.t, reactAgent(spec()))).toMatchObject({ result: { answer: 'ok', steps: 2 } })
  })

  test.each<[string, unknown]>([
    ['a cycle', cyclic],
    ['a function', { text: () => 'x' }],
  ])("%s is the driver's error and ends the agent with fault", async (_name, garbage) => {
    const s = studio([garbage])
    const run = await runAgent(s.t, reactAgent(spec()))
    expect(run.reason.kind).toBe('fault')
  })

  test('text and calls without end are bounded', async () => {
    const flood = Array.from({ length: 5000 }, (_, at) => call('add', { a: at, b: 0 }, 'same'))
    const s = studio([{ text: 'y'.repeat(3_000_000), toolCalls: flood }, { text: 'ok' }], hands)
    const run = await runAgent(s.t, reactAgent(spec()))
    expect(run).toMatchObject({ result: { answer: 'ok' }, spent: { toolCalls: 32 } })
    const request = s.seen[1]
    const ids = observations(request).length
    expect(ids).toBe(32)
    expect(
      new Set(request?.messages.flatMap((one) => (one.role === 'tool' ? [one.toolCallId] : []))).size,
    ).toBe(32)
    expect(observations(request).at(-1)).toContain('4968 more calls were not made')
    expect(JSON.stringify(request).length).toBeLessThan(500_000)
  })

  test('one that asks for the same call for ever is stopped by its steps', async () => {
    const s = studio([{ toolCalls: [call('add', { a: 1, b: 1 })] }], hands)
    const run = await runAgent(s.t, reactAgent(spec()))
    expect(run).toMatchObject({
      result: { steps: 16, truncated: true, answer: '' },
      spent: { toolCalls: 16 },
    })
  })

  test('one that fails ends the agent with its words', async () => {
    const s = studio([
      () => {
        throw new Error('503 from upstream')
      },
    ])
    expect((await runAgent(s.t, reactAgent(spec()))).reason).toEqual({
      kind: 'fault',
      error: '503 from upstream',
    })
  })
})
