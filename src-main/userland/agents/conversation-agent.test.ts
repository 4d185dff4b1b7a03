import { describe, expect, test } from 'vitest'
import type { Quota, Sys } from '../../kernel/abi.ts'
import type { CapRef, MsgId } from '../../kernel/ids.ts'
import { image, runRoot } from '../../kernel/test-kernel.ts'
import { ask } from '../request.ts'
import type { LlmRequest } from './chat.ts'
import { type ConversationSpec, conversationAgent } from './conversation-agent.ts'
import { type Scripted, studio } from './test-models.ts'

const spec = (extra: Partial<ConversationSpec> = {}): ConversationSpec => ({
  tools: [{ name: 'look' }],
  system: 'You are brief.',
  ...extra,
})

interface Talk {
  readonly sys: Sys
  readonly cap: CapRef
  readonly s: ReturnType<typeof studio>
  say(text: unknown): Promise<unknown>
}

async function talk(
  script: readonly Scripted[],
  body: (t: Talk) => Promise<void>,
  options: { spec?: Partial<ConversationSpec>; quota?: Quota; tools?: Record<string, () => unknown> } = {},
): Promise<void> {
  const s = studio(script, options.tools ?? {})
  await runRoot(
    s.t,
    async (sys) => {
      const { devices } = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
      const { cap } = await sys.spawn(conversationAgent(spec(options.spec)), {
        caps: [devices.llm!, devices.tools!],
        quota: options.quota ?? {},
      })
      const say = async (text: unknown) => (await ask(sys, cap, text, { timeoutMs: 50_000 })).body
      await body({ sys, cap, s, say })
      await sys.term(cap).catch(() => undefined)
      await sys.waitpid(cap)
    },
    { grant: ['llm', 'tools'], quota: { tokens: 1_000_000, toolCalls: 1000 } },
  )
}

const contents = (request: LlmRequest | undefined) =>
  request?.messages.map((one) => `${one.role}: ${one.content}`)

test('answers turn by turn and remembers what was said', async () => {
  await talk([{ text: 'Hello.' }, { text: 'You said hi.' }], async ({ say, s }) => {
    expect(await say('hi')).toEqual({ answer: 'Hello.', steps: 1 })
    expect(await say({ text: 'what did I say?' })).toEqual({ answer: 'You said hi.', steps: 1 })
    expect(contents(s.seen[1])).toEqual([
      'system: You are brief.',
      'user: hi',
      'assistant: Hello.',
      'user: what did I say?',
    ])
  })
})

test('uses tools within a turn, and keeps calls together with their results', async () => {
  const call = { toolCalls: [{ id: 'c1', tool: 'look', input: { at: 'sky' } }] }
  await talk(
    [call, { text: 'It is blue.' }],
    async ({ say, s }) => {
      expect(await say('sky?')).toEqual({ answer: 'It is blue.', steps: 2 })
      expect(s.seen[1]?.messages.slice(2)).toEqual([
        { role: 'assistant', content: '', toolCalls: [{ id: 'c1', tool: 'look', input: { at: 'sky' } }] },
        { role: 'tool', content: 'blue', toolCallId: 'c1', name: 'look' },
      ])
    },
    { tools: { look: () => 'blue' } },
  )
})

test('goes on after a model that fails, telling who asked', async () => {
  const failing = () => {
    throw new Error('overloaded')
  }
  await talk([failing, { text: 'Back.' }], async ({ say }) => {
    expect(await say('one')).toEqual({ error: 'overloaded' })
    expect(await say('two')).toEqual({ answer: 'Back.', steps: 1 })
  })
})

test('is truncated at its steps, turn by turn', async () => {
  await talk(
    [{ text: 'hm', toolCalls: [{ tool: 'look' }] }],
    async ({ say }) => {
      expect(await say('one')).toEqual({ answer: 'hm', steps: 2, truncated: true })
      expect(await say('two')).toEqual({ answer: 'hm', steps: 2, truncated: true })
    },
    { spec: { maxSteps: 2 }, tools: { look: () => '' } },
  )
})

test('takes turns in the order they arrive, one at a time', async () => {
  const echo = (request: LlmRequest) =>
    s0.clock.delay(10).then(() => ({ text: request.messages.at(-1)?.content }))
  let s0!: ReturnType<typeof studio>['t']
  await talk([echo], async ({ sys, cap, s }) => {
    s0 = s.t
    for (const text of ['a', 'b', 'c']) await sys.send(cap, text, { caps: [sys.selfCap()] })
    const answers: unknown[] = []
    for (let i = 0; i < 3; i++) answers.push((await sys.recv()).body)
    expect(answers).toEqual(['a', 'b', 'c'].map((answer) => ({ answer, steps: 1 })))
    expect(sys.now()).toBe(30)
  })
})

describe('memory', () => {
  const fits = { mem: 300 }

  test('a conversation far longer than its memory stays alive, inside it, with its system prompt', async () => {
    const echo = (request: LlmRequest) => ({ text: `noted ${request.messages.at(-1)?.content}` })
    await talk(
      [echo],
      async ({ say, s }) => {
        for (let n = 0; n < 150; n++)
          await say(`fact number ${n} is about topic${n} ${'and more '.repeat(8)}`)
        expect(Math.max(...s.seen.map((request) => JSON.stringify(request.messages).length))).toBeLessThan(
          3000,
        )
        for (const request of s.seen)
          expect(request.messages[0]).toEqual({ role: 'system', content: 'You are brief.' })
        const row = s.t.kernel.ps().find(({ name }) => name === 'conversation-agent')
        expect(row?.residentTokens).toBeLessThanOrEqual(300)
        expect(row?.swapTokens).toBeGreaterThan(1000)
      },
      { quota: fits },
    )
  })

  test('what was paged out comes back when a turn is about it', async () => {
    const echo = () => ({ text: 'ok' })
    await talk(
      [echo],
      async ({ say, s }) => {
        await say('the password of the vault is swordfish')
        for (let n = 0; n < 40; n++) await say(`small talk ${n} ${'blah '.repeat(20)}`)
        expect(JSON.stringify(s.seen.at(-1))).not.toContain('swordfish')
        await say('vault password?')
        expect(JSON.stringify(s.seen.at(-1))).toContain('swordfish')
      },
      { quota: fits },
    )
  })

  test.each<[string, Scripted, string]>([
    ['a question', { text: 'ok' }, 'x'.repeat(1_000_000)],
    ['an answer', { text: 'y'.repeat(1_000_000) }, 'hi'],
    ['text in three-byte letters', { text: '\u4e2d'.repeat(300_000) }, '\u4e2d'.repeat(300_000)],
    ['control characters', { text: '\u0001'.repeat(300_000) }, '\u0001'.repeat(300_000)],
  ])('%s without end does not end it', async (_name, reply, question) => {
    await talk(
      [reply],
      async ({ say }) => {
        for (let n = 0; n < 5; n++) expect(await say(question)).toMatchObject({ steps: 1 })
      },
      { quota: fits },
    )
  })

  test('neither do calls and results without end', async () => {
    const calls = Array.from({ length: 60 }, () => ({ tool: 'look', input: { text: 'z'.repeat(100_000) } }))
    const model = (request: LlmRequest) =>
      ++asked % 2 ? { toolCalls: calls } : { text: `${request.messages.length}` }
    let asked = 0
    await talk(
      [model],
      async ({ say }) => {
        for (let n = 0; n < 3; n++) expect(await say('go')).toMatchObject({ steps: 2 })
      },
      { quota: fits, tools: { look: () => 'w'.repeat(1_000_000) } },
    )
  })

  test('every result in a request follows its call, however much was paged out', async () => {
    const model = () => (++asked % 3 ? { toolCalls: [{ id: `c${asked}`, tool: 'look' }] } : { text: 'ok' })
    let asked = 0
    await talk(
      [model],
      async ({ say, s }) => {
        for (let n = 0; n < 40; n++) await say(`look at thing ${n % 7} ${'again '.repeat(n % 9)}`)
        for (const { messages } of s.seen) {
          const known = new Set<string>()
          for (const one of messages) {
            if (one.role === 'assistant') for (const { id } of one.toolCalls ?? []) known.add(id)
            if (one.role === 'tool') expect(known.delete(one.toolCallId)).toBe(true)
          }
          expect(known.size).toBe(0)
        }
      },
      { quota: fits, tools: { look: () => 'seen '.repeat(10) } },
    )
  })
})

describe('ending and hostile messages', () => {
  test('term ends it in mid-turn', async () => {
    let clock: ReturnType<typeof studio>['t']['clock'] | undefined
    await talk([() => clock?.delay(1e6)], async ({ sys, cap, s }) => {
      clock = s.t.clock
      await sys.send(cap, 'hi')
      await sys.sleep(1)
      await sys.term(cap)
      expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
    })
  })

  test('look-alikes and messages without words are no turns', async () => {
    await talk([{ text: 'ok' }], async ({ sys, cap, say, s }) => {
      const bodies = [
        { $: 'term', from: 0 },
        { $: 'down', pid: 1 },
        null,
        7,
        [],
        { text: 7 },
        new Map([['text', 'x']]),
      ]
      for (const body of bodies) await sys.send(cap, body, { caps: [sys.selfCap()] })
      expect(await say('real')).toEqual({ answer: 'ok', steps: 1 })
      expect(s.seen).toHaveLength(1)
    })
  })

  test('who asked and went away, or reads nothing, holds up nobody for long', async () => {
    await talk([{ text: 'ok' }], async ({ sys, cap, say }) => {
      const rude = image('rude', async (inner) => {
        const to = (await inner.recv()).caps[0]!
        for (let n = 0; n < 3; n++) await inner.send(to, 'hi', { caps: [inner.selfCap()] })
      })
      const deaf = image('deaf', async (inner) => {
        const to = (await inner.recv()).caps[0]!
        for (let n = 0; n < 3; n++) await inner.send(to, 'hi', { caps: [inner.selfCap()] })
        await inner.sleep(1_000_000)
      })
      await sys.spawn(rude, { caps: [cap] })
      const { cap: victim } = await sys.spawn(deaf, { caps: [cap], quota: { maxMailbox: 0 } })
      await sys.sleep(1)
      expect(await say('hello')).toEqual({ answer: 'ok', steps: 1 })
      await sys.signal(victim)
    })
  })

  test('a flood is held back at its mailbox, and every turn of it is answered', async () => {
    await talk(
      [() => ({ text: 'ok' })],
      async ({ sys, cap, s }) => {
        const corr = 'f' as MsgId
        const self = sys.selfCap()
        const flood = (async () => {
          for (let n = 0; n < 500; n++) await sys.send(cap, `${n}`, { caps: [self], corr })
        })()
        for (let n = 0; n < 500; n++) await sys.recv({ corr })
        await flood
        expect(s.seen).toHaveLength(500)
      },
      { quota: { maxMailbox: 4, mem: 2000 } },
    )
  })

  test('what its clients lend it is given back', async () => {
    await talk([{ text: 'ok' }], async ({ say, s }) => {
      await say('one')
      const before = s.t.kernel.caps().length
      for (let n = 0; n < 20; n++) await say('more')
      expect(s.t.kernel.caps()).toHaveLength(before)
    })
  })
})
