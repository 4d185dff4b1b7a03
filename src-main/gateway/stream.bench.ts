import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Bench, type BenchBody, median } from '../../e2e/tools/bench-kit.ts'
import type { GatewaySession } from '../ports/gateway.ts'
import type { ModelEvent } from '../ports/models.ts'
import { createGateway } from './gateway.ts'
import { chunksPerStream } from './paced-upstream.fixture.ts'
import { createSessionKeys } from './session-keys.ts'
import type { Round, RoundTimes } from './stream-clients.fixture.ts'
import { createMemoryTape } from './tape.ts'
import { createPurse, routeTo } from './test-gateway.ts'
import { createUpstream } from './upstream.ts'

const streams = 20

interface Ends {
  direct(): Promise<RoundTimes>
  through(): Promise<RoundTimes>
  close(): Promise<void>
}

function isTimes(value: unknown): value is RoundTimes {
  return typeof value === 'object' && value !== null && 'delaysMs' in value
}

/** Upstream and clients in threads of their own, the gateway on the main thread, as it runs in the product. */
async function openEnds(): Promise<Ends> {
  const server = new Worker(new URL('./paced-upstream.fixture.ts', import.meta.url), {
    workerData: 'upstream',
  })
  const [port]: unknown[] = await once(server, 'message')
  const clients = new Worker(new URL('./stream-clients.fixture.ts', import.meta.url))
  const session = createPurse(Number.POSITIVE_INFINITY)
  const keys = createSessionKeys<GatewaySession>(randomBytes)
  const key = keys.issue(session)
  const upstream = createUpstream({ proxyEnv: {}, extraCertificates: [] })
  const route = routeTo(`http://127.0.0.1:${port}`, 'openai-chat')
  let count = 0
  const gateway = await createGateway({
    sessionOf: keys.sessionOf,
    route: () => Promise.resolve({ ok: true, route }),
    onCall: () => undefined,
    clock: { nowMs: Date.now, after: (ms, fn) => clearing(setTimeout(fn, ms)) },
    ids: { short: () => String(++count) },
    upstream,
    models: { stream: () => nothing(), list: () => Promise.resolve([]) },
  })
  async function round(to: Pick<Round, 'port'>): Promise<RoundTimes> {
    // A fresh recording each time: what one round keeps is not the next one's garbage.
    session.tape = createMemoryTape()
    clients.postMessage({ ...to, key, streams } satisfies Round)
    const [times]: unknown[] = await once(clients, 'message')
    if (!isTimes(times) || times.delaysMs.length !== streams * chunksPerStream)
      throw new Error(`a round did not come whole: ${JSON.stringify(times).slice(0, 200)}`)
    return times
  }
  return {
    direct: () => round({ port: Number(port) }),
    through: () => round({ port: gateway.port }),
    async close() {
      await gateway.close()
      upstream.close()
      await Promise.all([server.terminate(), clients.terminate()])
    },
  }
}

function clearing(timer: NodeJS.Timeout): () => void {
  return () => clearTimeout(timer)
}

/** Nothing is translated here. */
async function* nothing(): AsyncGenerator<ModelEvent> {
  yield* []
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** What the gateway adds: one round directly and one through it, right after each other. */
async function openAdded(added: (through: RoundTimes, direct: RoundTimes) => number): Promise<BenchBody> {
  const ends = await openEnds()
  return {
    async measure() {
      const direct = await ends.direct()
      return added(await ends.through(), direct)
    },
    close: ends.close,
  }
}

async function openTotal(): Promise<BenchBody> {
  const ends = await openEnds()
  return {
    measure: async () => (await ends.through()).totalMs,
    measureReference: async () => (await ends.direct()).totalMs,
    close: ends.close,
  }
}

export const benches: readonly Bench[] = [
  {
    // The slowest of a hundred chunks on either way: what the machine itself delays both is not the gateway's.
    name: 'gateway/stream',
    unit: 'ms',
    goal: { atMost: 5 },
    open: () =>
      openAdded((through, direct) => percentile(through.delaysMs, 0.99) - percentile(direct.delaysMs, 0.99)),
  },
  {
    name: 'gateway/stream-total',
    unit: 'ms',
    goal: { atMost: 1.05 },
    reference: 'direct calls',
    open: openTotal,
  },
  {
    name: 'gateway/stream-first-byte',
    unit: 'ms',
    goal: { atMost: 3 },
    open: () => openAdded((through, direct) => median(through.firstByteMs) - median(direct.firstByteMs)),
  },
]
