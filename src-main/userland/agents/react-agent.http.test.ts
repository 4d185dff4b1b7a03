import { afterEach, expect, test } from 'vitest'
import { type ModelServer, startModelServer } from '../../../e2e/fixtures/model-server/model-server.ts'
import type { Script } from '../../../e2e/fixtures/model-server/turn.ts'
import { nodeClock, nodePowers } from '../../drivers/host-powers.ts'
import { llmDriver } from '../../drivers/llm/llm-driver.ts'
import { openaiChat } from '../../drivers/llm/openai-chat.ts'
import { toolDriver } from '../../drivers/tool-driver.ts'
import type { BootGrant, ExitReason, Quota } from '../../kernel/abi.ts'
import { Kernel } from '../../kernel/kernel.ts'
import { image } from '../../kernel/test-kernel.ts'
import type { AgentTool } from './chat.ts'
import { type AgentSpec, reactAgent } from './react-agent.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const tools: AgentTool[] = [
  {
    name: 'population',
    description: 'How many live there',
    schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

async function serve(script: Script): Promise<ModelServer> {
  const server = await startModelServer({ script, withoutTools: 'script', key: 'the-key' })
  closing.push(() => server.close())
  return server
}

interface Run {
  readonly result: unknown
  readonly reason: ExitReason
  readonly left: Quota
}

/** An agent on the real clock, its model behind HTTP. */
async function run(server: ModelServer, spec: AgentSpec, quota: Quota): Promise<Run> {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  const price = { input: 1, output: 10 }
  const chat = openaiChat({
    apiKey: 'the-key',
    baseUrl: `${server.url}/v1`,
    model: 'fake',
    price,
    firstDelayMs: 1,
  })
  kernel.registerDriver(llmDriver(chat))
  kernel.registerDriver(
    toolDriver({
      population(input) {
        const { city } = input as { city: string }
        if (city === 'Atlantis') throw new Error('no such city')
        return { city, people: city.length * 1000 }
      },
    }),
  )
  let out: Run | undefined
  const root = image('root', async (sys) => {
    const { devices } = (await sys.recv<BootGrant>()).body
    const caps = [devices.llm!, devices.tools!, sys.selfCap()]
    const { cap } = await sys.spawn(reactAgent(spec), { caps, quota })
    const reason = await sys.waitpid(cap)
    const result = await sys.recv({ timeoutMs: 0 }).catch(() => undefined)
    out = { result: result?.body, reason, left: sys.budget() }
  })
  await kernel.boot(root, { grant: ['llm', 'tools'], quota: { tokens: 1000, toolCalls: 10, usd: 1 } })
  if (!out) throw new Error('the root did not run')
  return out
}

test('solves a task with a model behind a real HTTP endpoint, and pays what it counted', async () => {
  const server = await serve([
    {
      text: ['Looking ', 'them up.'],
      calls: ['Rome', 'Paris', 'Atlantis'].map((city) => ({ name: 'population', args: { city } })),
      usage: { inputTokens: 50, outputTokens: 20 },
    },
    { text: ['Paris ', 'is larger.'], usage: { inputTokens: 120, outputTokens: 6 } },
  ])
  const spec = { task: 'Which is larger?', system: 'Be brief.', tools }
  const { result, reason, left } = await run(server, spec, { tokens: 500 })
  expect(reason).toEqual({ kind: 'normal' })
  expect(result).toEqual({ answer: 'Paris is larger.', steps: 2 })
  expect(left).toMatchObject({ tokens: 1000 - 196, toolCalls: 7 })
  expect(left.usd).toBeCloseTo(1 - (170 + 260) / 1e6, 9)
  const messages = server.requests[1]?.call?.messages ?? []
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool', 'tool'])
  expect(messages.slice(3).map(({ text }) => text)).toEqual([
    '{"city":"Rome","people":4000}',
    '{"city":"Paris","people":5000}',
    'error: no such city',
  ])
})

test('broken arguments reach the tool as they are, and its complaint goes back', async () => {
  const server = await serve([
    { calls: [{ name: 'population', args: {}, rawArguments: '{"city": "Ro' }] },
    { text: ['I give up.'] },
  ])
  const { result } = await run(server, { task: 'How many?', tools }, {})
  expect(result).toEqual({ answer: 'I give up.', steps: 2 })
  const observed = server.requests[1]?.call?.messages.at(-1)
  expect(observed).toMatchObject({ role: 'tool', text: expect.stringMatching(/^error: /) })
})

test('a token budget stops it in the middle of its task', async () => {
  const server = await serve(() => ({
    calls: [{ name: 'population', args: { city: 'Rome' } }],
    usage: { inputTokens: 90, outputTokens: 10 },
  }))
  const { reason, left, result } = await run(server, { task: 'Loop.', tools }, { tokens: 250 })
  expect(reason).toEqual({ kind: 'quota', resource: 'tokens' })
  expect(left.tokens).toBe(700)
  expect(result).toBeUndefined()
  expect(server.requests).toHaveLength(3)
})

test.each([
  ['an upstream that breaks', { kind: 'status', status: 400, message: 'bad request' }],
  ['a stream that is cut', { kind: 'cut', afterFrames: 1 }],
] as const)('%s is a fault with its words', async (_name, fault) => {
  const server = await serve(() => ({ text: ['never whole'], fault }))
  const { reason } = await run(server, { task: 'Try.', tools }, {})
  expect(reason).toMatchObject({ kind: 'fault', error: expect.stringMatching(/.+/) })
  expect(JSON.stringify(reason)).not.toContain('the-key')
})
