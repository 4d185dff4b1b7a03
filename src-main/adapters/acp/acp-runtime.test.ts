import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AcpBed, createAcpBed, scripted } from '../../../e2e/fixtures/acp-bed.ts'
import type { PlainSessionOptions } from '../../../e2e/fixtures/plain-session.ts'

let bed: AcpBed
beforeEach(() => {
  bed = createAcpBed()
})
afterEach(() => bed.close())

const never = new AbortController().signal

/** A line of the protocol that the SDK would not send. */
const rawUpdate = (update: object) =>
  `${JSON.stringify({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: 'conversation-1', update } })}\n`

/** Starts the scripted agent and lets it work on one prompt. */
async function work(script: object, options: Partial<PlainSessionOptions> = {}) {
  const plain = bed.session(options)
  const handle = await bed.runtime({ settings: scripted(script) }).start(plain.session)
  const result = await handle.turn('do it', never)
  await handle.close()
  return { ...plain, handle, result }
}

describe('a turn', () => {
  it('tells what the agent says, thinks, plans and does, in order', async () => {
    const { bodies, result, toolCalls, externalIds } = await work({
      prompts: [
        [
          { think: 'hm' },
          { say: 'one ' },
          { say: 'two' },
          {
            update: {
              sessionUpdate: 'plan',
              entries: [{ content: 'first', priority: 'high', status: 'in_progress' }],
            },
          },
          {
            update: {
              sessionUpdate: 'tool_call',
              toolCallId: 'c1',
              title: 'Edit a file',
              kind: 'edit',
              status: 'in_progress',
              locations: [{ path: join(bed.workarea, 'src/a.ts') }],
            },
          },
          {
            update: {
              sessionUpdate: 'tool_call_update',
              toolCallId: 'c1',
              status: 'completed',
              content: [{ type: 'diff', path: 'src/a.ts', oldText: 'a\nb\nc\n', newText: 'a\nB\nB2\nc\n' }],
            },
          },
          { raw: rawUpdate({ sessionUpdate: 'weather_update', message: 'sunny' }) },
          { update: { sessionUpdate: 'current_mode_update', currentModeId: 'plan' } },
          { say: 'three' },
        ],
      ],
    })
    expect(result).toEqual({ kind: 'done' })
    expect(bodies.map((body) => ({ ...body, durationMs: undefined }))).toMatchObject([
      { kind: 'thought', messageId: 'm1', text: 'hm' },
      { kind: 'response', messageId: 'm2', text: 'one ' },
      { kind: 'response', messageId: 'm2', text: 'two' },
      { kind: 'plan', entries: [{ text: 'first', status: 'in_progress' }] },
      {
        kind: 'tool',
        callId: 'c1',
        status: 'running',
        tool: 'edit',
        title: 'Edit a file',
        paths: ['src/a.ts'],
      },
      { kind: 'tool', callId: 'c1', status: 'completed', insertions: 2, deletions: 1 },
      { kind: 'progress', text: 'weather_update: sunny' },
      { kind: 'progress', text: 'mode: plan' },
      { kind: 'response', messageId: 'm3', text: 'three' },
    ])
    expect(toolCalls()).toBe(1)
    expect(externalIds).toEqual(['conversation-1'])
  })

  it('puts the agent into the mode that asks', async () => {
    const { said } = await work({
      newSession: {
        modes: {
          currentModeId: 'wild',
          availableModes: [
            { id: 'wild', name: 'W' },
            { id: 'default', name: 'D' },
          ],
        },
      },
      prompts: [[{ sayMode: true }]],
    })
    expect(said()).toBe('mode default')
  })

  it('asks by the kind of an option, whatever its order and id', async () => {
    const { said, asks } = await work({
      prompts: [
        [
          {
            ask: {
              toolCall: {
                toolCallId: 'c1',
                title: 'Run\n\u202erm',
                rawInput: { command: 'rm -r build', description: 'clean', url: 'https://a.test/x' },
              },
              options: [
                { optionId: 'x-always', name: 'Always', kind: 'allow_always' },
                { optionId: 'x-no', name: 'No', kind: 'reject_once' },
                { optionId: 'x-yes', name: 'Yes', kind: 'allow_once' },
              ],
            },
          },
        ],
      ],
    })
    expect(said()).toBe('outcome selected x-yes')
    expect(asks[0]).toMatchObject({
      toolCallId: 'c1',
      title: 'Run \uFFFDrm',
      command: ['sh', '-c', 'rm -r build'],
      hosts: ['a.test:443'],
      why: 'clean',
    })
    expect(asks[0]?.options.map(({ kind }) => kind)).toEqual(['allow_always', 'reject_once', 'allow_once'])
  })

  it('shows a call that a person rejected as refused', async () => {
    const { said, bodies } = await work(
      {
        prompts: [
          [
            { ask: { toolCall: { toolCallId: 'c1', title: 'Run' } } },
            { update: { sessionUpdate: 'tool_call_update', toolCallId: 'c1', status: 'failed' } },
          ],
        ],
      },
      {
        answer: ({ options }) => {
          const no = options.find(({ kind }) => kind === 'reject_once')
          return { kind: 'selected', optionId: no?.id ?? '', optionKind: 'reject_once' }
        },
      },
    )
    expect(said()).toBe('outcome selected no!')
    expect(bodies.filter(({ kind }) => kind === 'tool').at(-1)).toMatchObject({ status: 'refused' })
  })

  it('asks nobody once the budget of tool calls is used up', async () => {
    const { said, asks } = await work(
      { prompts: [[{ ask: { toolCall: { toolCallId: 'c1', title: 'Run' } } }]] },
      { maxToolCalls: 0 },
    )
    expect(said()).toBe('outcome cancelled')
    expect(asks).toEqual([])
  })

  it('tells a refusal of the model and the limits it met', async () => {
    expect((await work({ prompts: [[{ stop: { stopReason: 'refusal' } }]] })).result.kind).toBe('refused')
    const { result, bodies } = await work({ prompts: [[{ stop: { stopReason: 'max_tokens' } }]] })
    expect(result.kind).toBe('done')
    expect(bodies.at(-1)).toMatchObject({ kind: 'progress' })
  })
})

describe('usage', () => {
  const withUsage = (usage: object) => work({ prompts: [[{ stop: { stopReason: 'end_turn', ...usage } }]] })

  it('counts cached tokens into the input, told apart or not', async () => {
    const apart = { inputTokens: 10, cachedReadTokens: 90, outputTokens: 5, totalTokens: 105 }
    const within = { inputTokens: 100, cachedReadTokens: 90, outputTokens: 5, totalTokens: 105 }
    const expected = { inputTokens: 100, cachedTokens: 90, outputTokens: 5 }
    expect((await withUsage({ usage: apart })).usage).toEqual(expected)
    expect((await withUsage({ usage: within })).usage).toEqual(expected)
  })

  it('reads the quota of Gemini, and money in dollars', async () => {
    const { usage } = await work({
      prompts: [
        [
          {
            update: {
              sessionUpdate: 'usage_update',
              used: 1,
              size: 2,
              cost: { amount: 0.0123, currency: 'USD' },
            },
          },
          {
            update: { sessionUpdate: 'usage_update', used: 1, size: 2, cost: { amount: 9, currency: 'EUR' } },
          },
          {
            stop: {
              stopReason: 'end_turn',
              _meta: { quota: { token_count: { input_tokens: 7, output_tokens: 3 } } },
            },
          },
        ],
      ],
    })
    expect(usage).toEqual({ costUsdNanos: 12_300_000, inputTokens: 7, cachedTokens: null, outputTokens: 3 })
  })

  it('says unknown where the agent says nothing or nonsense', async () => {
    const unknown = { inputTokens: null, cachedTokens: null, outputTokens: null }
    expect((await withUsage({})).usage).toEqual(unknown)
    expect((await withUsage({ usage: { inputTokens: -5, outputTokens: 'many' } })).usage).toEqual(unknown)
  })
})

describe('files and terminals', () => {
  it('serves files of the workarea, by lines too', async () => {
    writeFileSync(join(bed.workarea, 'a.txt'), 'one\ntwo\nthree\n')
    const { said, opened } = await work({
      prompts: [
        [
          { read: { path: join(bed.workarea, 'a.txt'), line: 2, limit: 1 } },
          { write: { path: join(bed.workarea, 'new/deep/b.txt'), content: 'bee\n' } },
          { read: { path: join(bed.workarea, 'none.txt') } },
        ],
      ],
    })
    expect(said()).toContain('twowritten')
    expect(said()).toContain('error -32002')
    expect(readFileSync(join(bed.workarea, 'new/deep/b.txt'), 'utf8')).toBe('bee\n')
    expect(opened.filter(({ device }) => device === 'workarea:wka-1')).toHaveLength(3)
  })

  it('refuses and records what leaves the workarea', async () => {
    const { said, bodies } = await work({
      prompts: [
        [
          { read: { path: '/etc/passwd' } },
          { write: { path: join(bed.workarea, '../escaped.txt'), content: 'x' } },
          { terminal: { command: 'id', cwd: '/' } },
        ],
      ],
    })
    expect(said()).not.toContain('root:')
    expect(existsSync(join(bed.root, 'escaped.txt'))).toBe(false)
    const refused = bodies.filter(({ kind }) => kind === 'refused')
    expect(refused).toHaveLength(3)
    expect(refused[0]).toMatchObject({
      device: 'workarea:outside',
      what: expect.stringContaining('read /etc/passwd'),
    })
  })

  it('serves nothing of a workarea that was revoked', async () => {
    writeFileSync(join(bed.workarea, 'a.txt'), 'secret')
    const { said } = await work(
      { prompts: [[{ read: { path: join(bed.workarea, 'a.txt') } }]] },
      { refuse: (device) => device.startsWith('workarea:') },
    )
    expect(said()).toContain('refused: not held')
  })

  it('runs terminals with arguments, with a line for a shell, to the end or killed', async () => {
    const { said, launched } = await work({
      prompts: [
        [
          {
            terminal: { command: 'printf', args: ['%s|', 'a b', '$(id)'], env: [{ name: 'X', value: '1' }] },
          },
          { terminal: { command: 'echo $X out; echo err >&2; exit 3', env: [{ name: 'X', value: 'ex' }] } },
          { terminal: { command: 'sleep', args: ['60'], kill: true } },
          { terminal: { command: 'yes', args: ['line'], outputByteLimit: 20, kill: true } },
        ],
      ],
    })
    expect(said()).toContain('a b|$(id)| [0]')
    expect(said()).toContain('ex out\nerr [3]')
    expect(said()).toContain('[SIGTERM]')
    expect(launched.slice(1).every(({ file }) => file === '/bin/sh')).toBe(true)
  })

  it('opens no terminal that the session may not have or pay for', async () => {
    const script = { prompts: [[{ terminal: { command: 'id' } }]] }
    const refused = await work(script, { refuse: (device) => device === 'tool:shell' })
    expect(refused.said()).toContain('refused: not held')
    const broke = await work(script, { maxToolCalls: 0 })
    expect(broke.said()).toContain('budget of tool calls')
    expect(broke.launched).toHaveLength(1)
  })
})

describe('a follow-up', () => {
  const transcript = [
    { kind: 'prompt' as const, text: 'make it blue' },
    { kind: 'response' as const, messageId: 'm', text: 'it is blue' },
  ]
  const continues = { sessionId: 'ses-before', externalId: 'conversation-1', transcript }

  it('loads the conversation where the agent can, without telling it again', async () => {
    const { said } = await work({ load: {}, prompts: [[{ sayPrompt: true }]] }, { continues })
    expect(said()).toBe('do it')
  })

  it('gives the record where it can not', async () => {
    const lost = {
      load: { error: { code: -32002, message: 'no such session' } },
      prompts: [[{ sayPrompt: true }]],
    }
    for (const script of [lost, { prompts: [[{ sayPrompt: true }]] }]) {
      const { said, bodies } = await work(script, { continues })
      expect(said()).toContain('User: make it blue\nit is blue')
      expect(said().endsWith('do it')).toBe(true)
      expect(bodies[0]).toMatchObject({ kind: 'progress' })
    }
  })
})
