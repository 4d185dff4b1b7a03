import { expect, test } from 'vitest'
import { startModelServer } from '../../e2e/fixtures/model-server/model-server.ts'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { llmDriver } from '../drivers/llm/llm-driver.ts'
import { openaiChat } from '../drivers/llm/openai-chat.ts'
import { toolDriver } from '../drivers/tool-driver.ts'
import type { BootGrant, ExitReason, KernelConfig, ProcessImage } from '../kernel/abi.ts'
import { VirtualClock } from '../kernel/clock.ts'
import { eventsFromStore, MemoryStore } from '../kernel/journal.ts'
import { Kernel } from '../kernel/kernel.ts'
import { image } from '../kernel/test-kernel.ts'
import { conversationAgent } from './agents/conversation-agent.ts'
import { reactAgent } from './agents/react-agent.ts'
import { scriptedLlm } from './agents/test-models.ts'
import { ask } from './request.ts'
import { supervisor } from './supervision/supervisor.ts'

const tools = [{ name: 'add' }, { name: 'fail' }]
const boot = { grant: ['llm', 'tools'], quota: { tokens: 5000, toolCalls: 50, usd: 1, mem: 4000 } }

/** A ReAct agent with a review of its answer, then a supervised conversation: everything an agent does to the world. */
function session(): ProcessImage {
  return image('session', async (sys) => {
    const { devices } = (await sys.recv<BootGrant>()).body
    const [llm, hands] = [devices.llm!, devices.tools!]
    const solver = reactAgent({ task: 'What is 2 + 3?', tools, reflect: true })
    const { cap } = await sys.spawn(solver, { caps: [llm, hands, sys.selfCap()] })
    sys.log('info', 'ended', { reason: await sys.waitpid(cap) })
    sys.log('info', 'result', { body: (await sys.recv({ timeoutMs: 1000 })).body })
    const announced = image('talker', async (inner, args) => {
      inner.register('talker')
      await conversationAgent({ tools, system: 'Be brief.' }).main(inner, args)
    })
    const watcher = supervisor({
      strategy: 'one_for_one',
      children: [
        { id: 'talker', image: announced, restart: 'permanent', caps: ({ caps }) => caps, shutdown: 100 },
      ],
    })
    const { cap: top } = await sys.spawn(watcher, { caps: [llm, hands] })
    await sys.sleep(5)
    const talker = (await sys.lookup('talker'))!
    for (const text of ['hello', 'add again', 'and why?']) {
      sys.log('info', 'said', { body: (await ask(sys, talker, text)).body })
    }
    await sys.term(top)
    sys.log('info', 'done', { reason: await sys.waitpid(top), left: sys.budget() })
  })
}

interface Recorded {
  readonly reason: ExitReason
  readonly store: MemoryStore
  readonly log: string
}

async function record(config: KernelConfig, prepare: (kernel: Kernel) => void): Promise<Recorded> {
  const store = new MemoryStore()
  const kernel = new Kernel({ ...config, mode: 'record', store })
  prepare(kernel)
  const reason = await kernel.boot(session(), boot)
  return { reason, store, log: JSON.stringify(kernel.events()) }
}

/** Replays without any driver; what a call would find is a kernel that has none. */
async function replay({ store }: Recorded, body = session()): Promise<{ reason: ExitReason; log: string }> {
  const copy = new MemoryStore()
  for (const one of store.records) copy.append(one)
  const kernel = Kernel.replayFrom(copy, { powers: nodePowers() })
  const reason = await kernel.boot(body, boot)
  await kernel.replayed()
  return { reason, log: JSON.stringify(kernel.events()) }
}

function handsDriver(calls: unknown[]) {
  return toolDriver({
    add(input) {
      calls.push(input)
      const { a, b } = input as { a: number; b: number }
      return a + b
    },
    fail() {
      calls.push('fail')
      throw new Error('broken tool')
    },
  })
}

test('a recorded session replays to the byte without a model, over the network the first time', async () => {
  const calls: unknown[] = []
  const usage = { inputTokens: 40, outputTokens: 10 }
  const server = await startModelServer({
    withoutTools: '{"verdict":"accept"}',
    script: (call, index) => {
      const last = call.messages.at(-1)
      if (last?.role === 'tool') return { text: [`It is ${last.text}.`], usage }
      const both = [
        { name: 'add', args: { a: 2, b: 3 } },
        { name: 'fail', args: {} },
      ]
      return last?.text.includes('why')
        ? { text: ['Because.'], usage }
        : { calls: both.slice(0, 1 + (index % 2)), usage }
    },
  })
  const chat = openaiChat({ apiKey: 'k', baseUrl: `${server.url}/v1`, model: 'fake' })
  const recorded = await record({ clock: nodeClock(), powers: nodePowers() }, (kernel) => {
    kernel.registerDriver(llmDriver(chat))
    kernel.registerDriver(handsDriver(calls))
  }).finally(() => server.close())
  expect(recorded.reason).toEqual({ kind: 'normal' })
  expect(recorded.log).toContain('It is 5.')
  const [requests, made] = [server.requests.length, calls.length]
  expect(requests).toBeGreaterThan(5)
  const again = await replay(recorded)
  expect(again).toEqual({ reason: recorded.reason, log: recorded.log })
  expect([server.requests.length, calls.length]).toEqual([requests, made])
  expect(JSON.stringify(eventsFromStore(recorded.store))).toBe(recorded.log)
})

test('two recordings of the same session are the same to the byte, in virtual time', async () => {
  const run = () => {
    const calls: unknown[] = []
    const script = [
      {
        toolCalls: [
          { id: '1', tool: 'add', input: { a: 2, b: 3 } },
          { id: '2', tool: 'fail' },
        ],
      },
      { text: 'It is 5.' },
      { text: '{"verdict":"revise","feedback":"shorter"}' },
      { text: '5' },
      { text: '{"verdict":"accept"}' },
      { text: 'Hi.' },
    ]
    const config = { clock: new VirtualClock(), powers: nodePowers(), seed: '7'.repeat(64) }
    return record(config, (kernel) => {
      kernel.registerDriver(scriptedLlm(script).driver)
      kernel.registerDriver(handsDriver(calls))
    })
  }
  const [first, second] = [await run(), await run()]
  expect(first.reason).toEqual({ kind: 'normal' })
  expect(second.log).toBe(first.log)
  expect(JSON.stringify(second.store.records)).toBe(JSON.stringify(first.store.records))
  expect(await replay(first)).toEqual({ reason: first.reason, log: first.log })
})

test('an agent that asks anything else is a divergence', async () => {
  const recorded = await record({ clock: new VirtualClock(), powers: nodePowers() }, (kernel) => {
    kernel.registerDriver(scriptedLlm([{ text: 'ok' }]).driver)
    kernel.registerDriver(handsDriver([]))
  })
  const other = image('session', async (sys) => {
    const { devices } = (await sys.recv<BootGrant>()).body
    const agent = reactAgent({ task: 'What is 2 + 4?', tools, reflect: true })
    await sys.waitpid((await sys.spawn(agent, { caps: [devices.llm!, devices.tools!, sys.selfCap()] })).cap)
  })
  await expect(replay(recorded, other)).rejects.toMatchObject({ code: 'EDIVERGE', pid: 2 })
})
