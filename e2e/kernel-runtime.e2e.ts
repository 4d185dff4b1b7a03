import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createKernelRuntime } from '../src-main/adapters/kernel-runtime/kernel-runtime.ts'
import { createModels } from '../src-main/adapters/models/models.ts'
import {
  type BareSessionOptions,
  openBareSession,
} from '../src-main/adapters/workarea-tools/bare-session.fixture.ts'
import { createWorkareaTools } from '../src-main/adapters/workarea-tools/workarea-tools.ts'
import type { ActivityBody } from '../src-main/contract/activity.ts'
import type { ProviderId } from '../src-main/contract/agent.ts'
import { ModelError } from '../src-main/harness/core/model.ts'
import { createHarness } from '../src-main/harness/core/run.ts'
import { startModelServer } from './fixtures/model-server/model-server.ts'
import type { Script, Turn } from './fixtures/model-server/turn.ts'
import { openWall, ownNode, realClock } from './fixtures/wall.ts'

let wall: Awaited<ReturnType<typeof openWall>>
beforeAll(async () => {
  wall = await openWall()
})
afterAll(() => wall.close())

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const powers = { ...realClock, random: () => 0.01 }
const key = 'sk-live-abcdefghijklmnop'
const never = new AbortController().signal
const confinement = {
  files: true,
  network: true,
  means: 'bubblewrap',
  reason: 'tried',
  remedy: null,
} as const

interface SetUp extends Partial<BareSessionOptions> {
  readonly provider?: ProviderId
  readonly script: Script
  readonly frameDelayMs?: number
  readonly spec?: string
  readonly isConfined?: boolean
}

async function setUp(options: SetUp) {
  const provider = options.provider ?? 'openai-compatible'
  const server = await startModelServer({ script: options.script, frameDelayMs: options.frameDelayMs ?? 0 })
  const models = createModels({ clock: realClock })
  const runtime = createKernelRuntime({
    models,
    harness: createHarness(powers),
    newModelError: (...args) => new ModelError(...args),
    clock: realClock,
    openTools: createWorkareaTools({ node: ownNode }),
    probe: async () => ({ ...confinement, files: options.isConfined ?? true }),
    providers: async () => [
      {
        id: provider,
        name: provider,
        baseUrl: server.url,
        hasKey: true,
        needsKey: provider !== 'ollama',
        models: ['fake'],
      },
    ],
    names: () => ({ tiers: {}, aliases: {}, usual: null }),
  })
  const model = options.spec ?? `${provider}/gpt-4o-mini`
  const devices = await runtime.devices('kernel', model)
  const opened = await openBareSession({
    agent: 'kernel',
    model,
    devices,
    secrets: { [provider]: key },
    executor: wall.executor,
    ...options,
  })
  cleanups.push(opened.close, () => server.close(), models.close, runtime.close)
  return { ...opened, runtime, server }
}

const results = (activities: readonly ActivityBody[]) =>
  activities.flatMap((body) =>
    body.kind === 'tool' && body.status !== 'pending' && body.status !== 'running' ? [body] : [],
  )
const said = (activities: readonly ActivityBody[]) =>
  activities.map((body) => (body.kind === 'response' ? body.text : '')).join('')

const usage = { inputTokens: 1000, cachedTokens: 400, outputTokens: 50 }
const work: Turn[] = [
  {
    text: ['I will ', 'write and run.'],
    calls: [
      { name: 'write_file', args: { path: 'src/hello.mjs', content: "console.log('hello from a file')\n" } },
      { name: 'list_files', args: {} },
    ],
    usage,
  },
  { calls: [{ name: 'run_command', args: { command: 'cat src/hello.mjs && echo done' } }], usage },
  { text: ['All ', 'done.'], usage },
]

describe.each(['openai-compatible', 'anthropic', 'google', 'ollama'] as const)(
  'the kernel agent on %s',
  (provider) => {
    it('works with streamed tool calls, is metered, and sends the key to nobody but the model', async () => {
      const { session, runtime, server, activities, settled, opened } = await setUp({
        provider,
        script: work,
      })
      const handle = await runtime.start(session)
      expect(await handle.turn('Write hello', never)).toEqual({ kind: 'done' })
      await handle.close()
      expect(await readFile(join(session.workareaPath, 'src/hello.mjs'), 'utf8')).toContain(
        'hello from a file',
      )
      expect(results(activities).map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
      expect(results(activities)[2]).toMatchObject({ exitCode: 0 })
      expect(results(activities)[2]?.output).toContain('done')
      expect(said(activities)).toBe('I will write and run.All done.')
      expect(
        settled.map(({ inputTokens, cachedTokens, outputTokens }) => [
          inputTokens,
          cachedTokens,
          outputTokens,
        ]),
      ).toEqual(Array(3).fill([1000, 400, 50]))
      expect(opened.every(({ ok }) => ok)).toBe(true)
      expect(opened.filter(({ device }) => device.startsWith('model:')).length).toBe(3)
      expect(server.requests.map((request) => request.key)).toEqual(Array(3).fill(key))
      const last = server.requests.at(-1)?.call?.messages ?? []
      expect(last.filter(({ role }) => role === 'tool').length).toBe(3)
      expect(JSON.stringify(activities)).not.toContain(key)
    })

    it('goes on after a busy upstream and gives up with its words when the key is refused', async () => {
      const busy: Turn = { fault: { kind: 'status', status: 503 } }
      const { session, runtime, activities } = await setUp({
        provider,
        script: [busy, { text: ['Here.'], usage }],
      })
      const handle = await runtime.start(session)
      expect(await handle.turn('Hello', never)).toEqual({ kind: 'done' })
      expect(activities.some((body) => body.kind === 'progress' && body.text.includes('503'))).toBe(true)
      const denied: Turn = { fault: { kind: 'status', status: 401, message: `bad key ${key}` } }
      const other = await setUp({ provider, script: [denied] })
      const failing = await other.runtime.start(other.session)
      await expect(failing.turn('Hello', never)).rejects.toMatchObject({ code: 'model_failed' })
      expect(JSON.stringify(other.activities)).not.toContain(key)
      expect(JSON.stringify(other.activities)).toContain('bad key ***')
    })
  },
)

describe('the kernel agent', () => {
  it('costs what the price table says', async () => {
    const { session, runtime, settled } = await setUp({ script: [{ text: ['Hi.'], usage }] })
    const handle = await runtime.start(session)
    await handle.turn('Hello', never)
    // 600 fresh at 150, 400 cached at 75, 50 out at 600 nano-dollars.
    expect(settled[0]?.costUsdNanos).toBe(600 * 150 + 400 * 75 + 50 * 600)
    const local = await setUp({ script: [{ text: ['Hi.'], usage }], spec: 'openai-compatible/some-model' })
    const other = await local.runtime.start(local.session)
    await other.turn('Hello', never)
    expect(local.settled[0]?.costUsdNanos).toBeNull()
  })

  it.each(['allow_once', 'reject_once'] as const)(
    'asks before it destroys, and minds the answer %s',
    async (optionKind) => {
      const { session, runtime, asked, activities, server } = await setUp({
        script: [
          {
            calls: [{ name: 'run_command', args: { command: 'mkdir -p old && rm -rf old && echo gone' } }],
            usage,
          },
          { text: ['Fine.'], usage },
        ],
        answer: () => ({ kind: 'selected', optionId: 'any', optionKind }),
      })
      const handle = await runtime.start(session)
      expect(await handle.turn('Clean up', never)).toEqual({ kind: 'done' })
      expect(asked[0]?.command).toEqual(['sh', '-c', 'mkdir -p old && rm -rf old && echo gone'])
      expect(asked[0]?.toolCallId).toBe(results(activities)[0]?.callId)
      expect(results(activities)[0]?.status).toBe(optionKind === 'allow_once' ? 'completed' : 'refused')
      const told = server.requests[1]?.call?.messages.at(-1)?.text ?? ''
      expect(told).toContain(optionKind === 'allow_once' ? 'gone' : 'a person refused')
    },
  )

  it('does not leave its workarea, and the attempt is put before the door', async () => {
    const { session, runtime, activities, opened } = await setUp({
      script: [
        {
          calls: [
            { name: 'write_file', args: { path: '../outside.txt', content: 'x' } },
            { name: 'read_file', args: { path: '/etc/passwd' } },
            { name: 'write_file', args: { path: '.git/hooks/post-commit', content: 'x' } },
            { name: 'fly', args: {} },
            { name: 'read_file', args: {}, rawArguments: '{"path": ' },
          ],
          usage,
        },
        { text: ['No way out.'], usage },
      ],
    })
    const handle = await runtime.start(session)
    expect(await handle.turn('Get out', never)).toEqual({ kind: 'done' })
    expect(
      results(activities)
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['failed', 'failed', 'refused', 'refused', 'refused'])
    expect(opened.filter(({ device }) => device === 'path:outside').length).toBe(3)
  })

  it('asks before every command where the wall does not hold', async () => {
    const { session, runtime, asked } = await setUp({
      isConfined: false,
      script: [
        { calls: [{ name: 'run_command', args: { command: 'true' } }], usage },
        { text: ['Ok.'], usage },
      ],
      answer: () => ({ kind: 'selected', optionId: 'allow', optionKind: 'allow_once' }),
    })
    const handle = await runtime.start(session)
    await handle.turn('Go', never)
    expect(asked[0]?.why).toContain('not confined')
  })

  it('stops within a second, in the middle of a stream and of a command', async () => {
    const stalled = await setUp({
      script: [{ text: ['a', 'b', 'c'], usage, fault: { kind: 'stall', afterFrames: 3 } }],
    })
    const command = await setUp({
      script: [{ calls: [{ name: 'run_command', args: { command: 'sleep 30' } }], usage }],
    })
    for (const { runtime, session } of [stalled, command]) {
      const handle = await runtime.start(session)
      const abort = new AbortController()
      const turn = handle.turn('Go', abort.signal)
      await sleep(900)
      const startedAtMs = Date.now()
      abort.abort()
      expect(await turn).toEqual({ kind: 'cancelled' })
      expect(Date.now() - startedAtMs).toBeLessThan(1000)
    }
    expect(stalled.settled.at(-1)?.inputTokens).toBeNull()
    expect(results(command.activities).at(-1)?.status).toBe('cancelled')
  })

  it('ends when the budget for tool calls is used up', async () => {
    const calls = Array.from(
      { length: 10 },
      (_, at): Turn => ({
        calls: [{ name: 'write_file', args: { path: `${at}.txt`, content: '' } }],
        usage,
      }),
    )
    const { session, runtime, activities } = await setUp({ script: calls, toolCalls: 2 })
    const handle = await runtime.start(session)
    expect(await handle.turn('Go', never)).toEqual({ kind: 'cancelled' })
    expect(results(activities).map(({ status }) => status)).toEqual(['completed', 'completed', 'refused'])
  })

  it('holds its calls while paused', async () => {
    const { session, runtime, server } = await setUp({ script: [{ text: ['Hi.'], usage }] })
    const handle = await runtime.start(session)
    await handle.pause()
    const turn = handle.turn('Hello', never)
    await sleep(150)
    expect(server.requests.length).toBe(0)
    await handle.resume()
    expect(await turn).toEqual({ kind: 'done' })
  })

  it('remembers from prompt to prompt, and from an earlier session', async () => {
    const first = await setUp({ script: [...work, { text: ['Yes.'], usage }] })
    const handle = await first.runtime.start(first.session)
    first.activities.push({ kind: 'prompt', text: 'Write hello' })
    await handle.turn('Write hello', never)
    await handle.turn('Is it there?', never)
    const seen = first.server.requests.at(-1)?.call?.messages ?? []
    expect(seen.filter(({ role }) => role === 'user').map(({ text }) => text)).toEqual([
      'Write hello',
      'Is it there?',
    ])
    const transcript = first.activities.slice()
    const next = await setUp({
      script: [{ text: ['I remember.'], usage }],
      continues: { sessionId: 'ses-before', externalId: null, transcript },
    })
    const later = await next.runtime.start(next.session)
    expect(await later.turn('And now?', never)).toEqual({ kind: 'done' })
    const messages = next.server.requests[0]?.call?.messages ?? []
    expect(messages.flatMap(({ calls }) => calls.map(({ name }) => name))).toEqual([
      'write_file',
      'list_files',
      'run_command',
    ])
    expect(messages.at(-1)?.text).toBe('And now?')
  })

  it('says what is missing before it starts', async () => {
    const { session, runtime } = await setUp({ script: [], secrets: {} })
    await expect(runtime.start(session)).rejects.toMatchObject({ code: 'model_key_missing' })
    const other = await setUp({ script: [], spec: 'no-such-tier' })
    await expect(other.runtime.start(other.session)).rejects.toMatchObject({ code: 'model_unknown' })
  })
})
