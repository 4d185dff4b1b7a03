import type { Bench } from '../../e2e/tools/bench-kit.ts'
import { nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Driver, ProcessImage, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef } from './ids.ts'
import { MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'

const steps = 1000
const boot = { grant: ['llm', 'tools'], quota: { tokens: 100_000_000, toolCalls: 10_000, usd: 1000 } }

interface Reply {
  readonly text: string
  readonly toolCalls?: readonly { readonly tool: string; readonly input: unknown }[]
}

/** A model that thinks aloud and asks for two tools in each step, and the tools. */
function drivers(): Driver[] {
  let asked = 0
  const llm: Driver = {
    name: 'llm',
    open: () => ({
      read: async () => {
        asked++
        const toolCalls = [1, 2].map((n) => ({
          tool: 'search',
          input: { query: `step ${asked}.${n}`, limit: 10 },
        }))
        const text = `Step ${asked}: ${'I should look at what the last search gave. '.repeat(8)}`
        return { value: { text, toolCalls }, cost: { tokens: 900, usd: 0.004 } }
      },
    }),
  }
  const tools: Driver = {
    name: 'tools',
    prepaid: { toolCalls: 1 },
    open: () => ({
      read: async (request) => {
        const hits = Array.from({ length: 10 }, (_, i) => ({
          title: `Hit ${i}`,
          path: `/src/file-${i}.ts`,
          score: i / 10,
        }))
        return { value: { request, hits } }
      },
    }),
  }
  return [llm, tools]
}

/** Think, act, observe; the last twenty turns go along with each question, as they do in a session. */
const agent: ProcessImage = {
  name: 'react',
  async main(sys: Sys) {
    const { body } = await sys.recv<BootGrant>()
    const llm = await sys.open(body.devices.llm as CapRef)
    const tools = await sys.open(body.devices.tools as CapRef)
    const messages: unknown[] = [{ role: 'system', content: 'You are a careful engineer.' }]
    for (let step = 0; step < steps; step++) {
      const reply = await sys.read<Reply>(llm, { messages: messages.slice(-40), maxTokens: 800 })
      messages.push({ role: 'assistant', content: reply.text })
      const results = await sys.readAll(tools, reply.toolCalls ?? [])
      for (const result of results) messages.push({ role: 'tool', content: result })
    }
  },
}

export const benches: readonly Bench[] = [
  {
    name: 'replay/steps',
    unit: 'steps/s',
    goal: { atLeast: 1000 },
    async open() {
      const store = new MemoryStore()
      const powers = nodePowers()
      const kernel = new Kernel({ clock: new VirtualClock(), powers, mode: 'record', store })
      for (const driver of drivers()) kernel.registerDriver(driver)
      await kernel.boot(agent, boot)
      const events = kernel.events().length
      return {
        async measure() {
          const startMs = performance.now()
          const replay = Kernel.replayFrom(store, { powers })
          const reason = await replay.boot(agent, boot)
          await replay.replayed()
          const elapsedMs = performance.now() - startMs
          if (reason.kind !== 'normal' || replay.events().length !== events)
            throw new Error('the replay differs')
          return (steps * 1000) / elapsedMs
        },
      }
    },
  },
]
