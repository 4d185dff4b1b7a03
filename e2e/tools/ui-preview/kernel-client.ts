import { SignalboxError } from '@contract/errors.ts'
import type { SignalboxContract } from '@contract/index.ts'
import type { ClientOf } from '@contract/procedure.ts'
import type { ModelCall, ProcessRow } from '@contract/process.ts'
import type { SessionRow } from '@contract/session.ts'
import { makeCall, makeCalls, makeCapabilities, makeProcesses, makeRefusals, prices, tick } from './kernel.ts'

type Client = ClientOf<SignalboxContract>

/** What the kernel's part of the made-up daemon stands on. */
export interface FakeKernel {
  readonly sessions: readonly SessionRow[]
  readonly processCount: number
  readonly isLive: boolean
  orFail<T>(value: () => T): Promise<T>
}

const done = { atSeq: 1 }
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const forever = (signal?: AbortSignal) =>
  new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))

/** Processes, capabilities and model calls that are made up and change as they are told to. */
export function kernelOf(fake: FakeKernel): Pick<Client, 'process' | 'capability' | 'model'> {
  const processes = new Map(makeProcesses(fake.sessions, fake.processCount).map((row) => [row.pid, row]))
  return {
    process: processOf(fake, processes),
    capability: capabilityOf(fake, processes),
    model: modelOf(fake),
  }
}

function processOf(fake: FakeKernel, processes: Map<number, ProcessRow>): Client['process'] {
  const rowsOf = (sessionId: string | undefined) =>
    [...processes.values()].filter((row) => sessionId === undefined || row.sessionId === sessionId)
  const change = (pid: number, to: (row: ProcessRow) => ProcessRow | null) => {
    const row = processes.get(pid)
    if (!row) throw new SignalboxError('process_not_found', { pid })
    if (row.kind === 'fleet')
      throw new SignalboxError('process_protected', { pid, reason: 'It holds every session.' })
    const next = to(row)
    if (next) processes.set(pid, next)
    else processes.delete(pid)
    return Promise.resolve(done)
  }
  return {
    list: ({ sessionId }) => fake.orFail(() => ({ rows: rowsOf(sessionId), atMs: Date.now() })),
    async *watch({ sessionId }, options) {
      await fake.orFail(() => null)
      let sent = new Map(rowsOf(sessionId).map((row) => [row.pid, row]))
      yield { atMs: Date.now(), isWhole: true, changed: [...sent.values()], gone: [] }
      for (let round = 1; !options?.signal?.aborted; round += 1) {
        await pause(1000)
        if (fake.isLive) for (const row of tick(rowsOf(sessionId), round)) processes.set(row.pid, row)
        const rows = new Map(rowsOf(sessionId).map((row) => [row.pid, row]))
        const changed = [...rows.values()].filter((row) => sent.get(row.pid) !== row)
        const gone = [...sent.keys()].filter((pid) => !rows.has(pid))
        sent = rows
        yield { atMs: Date.now(), isWhole: false, changed, gone }
      }
    },
    suspend: async ({ pid }) =>
      change(pid, (row) => ({ ...row, state: 'stopped', waitingOn: null, reductionsPerSecond: 0 })),
    resume: async ({ pid }) => change(pid, (row) => ({ ...row, state: 'ready' })),
    terminate: async ({ pid }) => change(pid, () => null),
    kill: async ({ pid }) => change(pid, () => null),
    setPriority: async ({ pid, priority }) => change(pid, (row) => ({ ...row, priority })),
    changeBudget: async ({ pid, budget }) => {
      if (budget.tokens === 666)
        throw new SignalboxError('budget_refused', {
          resource: 'tokens',
          reason: 'Less than is used already.',
        })
      return change(pid, (row) => {
        const use = { ...row.use }
        for (const [name, limit] of Object.entries(budget) as [keyof typeof budget, number | null][]) {
          const { spent } = use[name]
          use[name] = { spent, limit, available: limit === null ? null : limit - spent }
        }
        return { ...row, use }
      })
    },
  }
}

function capabilityOf(fake: FakeKernel, processes: ReadonlyMap<number, ProcessRow>): Client['capability'] {
  let caps = makeCapabilities([...processes.values()])
  const refusals = makeRefusals([...processes.values()])
  const belowOf = (id: number): number[] => [
    id,
    ...caps.filter((one) => one.parentId === id).flatMap((one) => belowOf(one.id)),
  ]
  return {
    list: ({ sessionId, pid, text = '', limit = 1000 }) =>
      fake.orFail(() => {
        if (fake.isLive)
          caps = caps.map((one) =>
            one.kind === 'handle' && Math.random() < 0.2
              ? { ...one, uses: one.uses + 1, lastUsedAtMs: Date.now() }
              : one,
          )
        const isWanted = (one: { sessionId: string | null; pid: number }) =>
          (sessionId === undefined || one.sessionId === sessionId) && (pid === undefined || one.pid === pid)
        const found = caps.filter((one) => isWanted(one) && `${one.target} ${one.processName}`.includes(text))
        return {
          capabilities: found.slice(0, limit),
          refusals: refusals.filter(isWanted),
          total: found.length,
          atMs: Date.now(),
        }
      }),
    narrow: async ({ id, to }) => {
      caps = caps.map((one) => (one.id === id ? { ...one, target: to.join(', ') } : one))
      return done
    },
    expire: async ({ id, expiresInMs }) => {
      const below = new Set(belowOf(id))
      caps = caps.map((one) => (below.has(one.id) ? { ...one, expiresAtMs: Date.now() + expiresInMs } : one))
      return done
    },
    revoke: async ({ id }) => {
      const below = new Set(belowOf(id))
      caps = caps.filter((one) => !below.has(one.id))
      return { ...done, revoked: below.size }
    },
  }
}

function modelOf(fake: FakeKernel): Client['model'] {
  const calls = makeCalls(fake.sessions, fake.processCount > 1000 ? 4000 : 240)
  const sum = (list: readonly ModelCall[], of: (call: ModelCall) => number | null) =>
    list.reduce((total, call) => total + (of(call) ?? 0), 0)
  const count = (list: readonly ModelCall[], state: ModelCall['state']) =>
    list.filter((call) => call.state === state).length
  return {
    calls: ({ sessionId, state, before, limit = 100 }) =>
      fake.orFail(() => {
        const found = calls.filter(
          (call) =>
            (sessionId === undefined || call.sessionId === sessionId) &&
            (state === undefined || call.state === state),
        )
        return {
          calls: found.filter((call) => before === undefined || call.startedAtMs < before).slice(0, limit),
          totals: {
            calls: found.length,
            inputTokens: sum(found, (call) => call.inputTokens),
            cachedTokens: sum(found, (call) => call.cachedTokens),
            outputTokens: sum(found, (call) => call.outputTokens),
            costUsdNanos: sum(found, (call) => call.costUsdNanos),
            withoutCost: found.filter((call) => call.costUsdNanos === null).length,
            refused: count(found, 'refused'),
            cut: count(found, 'cut'),
            failed: count(found, 'failed'),
          },
          gateway: fake.sessions.length === 0 ? null : 'http://127.0.0.1:41207',
          atMs: Date.now(),
        }
      }),
    async *watch({ sessionId }, options) {
      const session = fake.sessions.find(
        (row) => row.pid !== null && (sessionId === undefined || row.id === sessionId),
      )
      for (let index = calls.length; fake.isLive && session && !options?.signal?.aborted; index += 1) {
        await pause(1500)
        const call = makeCall(session, index, 'streaming', Date.now())
        for (let words = 1; words <= 4; words += 1) {
          yield { ...call, outputTokens: words * 120 }
          await pause(300)
        }
        const ended = {
          ...makeCall(session, index, 'done', call.startedAtMs),
          outputTokens: 640,
          durationMs: 2700,
        }
        calls.unshift(ended)
        yield ended
      }
      await forever(options?.signal)
    },
    prices: () => fake.orFail(() => ({ prices: [...prices], asOf: '2026-11-01' })),
  }
}
