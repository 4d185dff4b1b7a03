import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, DriverResult, ProcessImage, Quota, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { Kernel } from './kernel.ts'

/**
 * What the kernel's benches and its hold test run: each function measures one scenario on a kernel of its own, on real
 * time, with event log and metrics as always, and returns operations per second.
 */

/** A nested object of about 200 bytes as JSON. */
export const BODY = {
  kind: 'turn',
  session: 'session-4821',
  message: { role: 'assistant', text: 'Reads the failing test, then the file it covers.', tokens: 17 },
  tools: [{ tool: 'read', path: 'src/app/dispatch.ts', line: 120 }],
  flags: { isFinal: false, attempt: 1 },
}

const SENTENCES = Array.from({ length: 16 }, (_, i) => ({ ...BODY, about: `topic${i}` }))

export interface Run {
  readonly sys: Sys
  readonly kernel: Kernel
  readonly device: CapRef
}

/** Runs `main` as the root of a fresh kernel and hands its figure through. */
export async function onKernel(
  main: (run: Run) => Promise<number>,
  quota: Quota = {},
  answer: (request: unknown) => DriverResult | Promise<DriverResult> = (value) => ({
    value,
    cost: { tokens: 1 },
  }),
): Promise<number> {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  kernel.registerDriver({ name: 'dev', open: () => ({ read: answer }) })
  let figure = Number.NaN
  const root: ProcessImage = {
    name: 'root',
    async main(sys) {
      const { body } = await sys.recv<BootGrant>()
      figure = await main({ sys, kernel, device: body.devices.dev as CapRef })
    },
  }
  const reason = await kernel.boot(root, { grant: ['dev'], quota })
  if (reason.kind !== 'normal') throw new Error(`bench ended ${JSON.stringify(reason)}`)
  for (const row of kernel.ps()) kernel.signal(row.pid)
  return figure
}

const nowMs = (): number => globalThis.performance.now()

const perSecond = (count: number, startedMs: number): number => (count * 1000) / (nowMs() - startedMs)

/**
 * Starts `count` processes, each of which prepares itself and tells, lets them all go at once, and waits until each has
 * done what its preparation returned. Gives the moment of the start.
 */
async function together(
  { sys, device }: Run,
  count: number,
  prepare: (sys: Sys, caps: readonly CapRef[]) => Promise<() => Promise<void>>,
  quota: Quota = {},
): Promise<number> {
  const image: ProcessImage = {
    name: 'worker',
    async main(inner) {
      const { caps } = await inner.recv()
      const go = await prepare(inner, caps)
      await inner.send(caps[0] as CapRef, 0)
      await inner.recv()
      await go()
      await inner.send(caps[0] as CapRef, 1)
    },
  }
  const self = sys.selfCap()
  const workers: CapRef[] = []
  for (let i = 0; i < count; i++) {
    const { cap } = await sys.spawn(image, { caps: [self, device], quota })
    workers.push(cap)
  }
  for (let i = 0; i < count; i++) await sys.recv()
  const startedMs = nowMs()
  for (const cap of workers) await sys.send(cap, 0)
  for (let i = 0; i < count; i++) await sys.recv()
  return startedMs
}

/** Pairs of processes; one operation is a message there and one back. */
export function ipc(rounds: number, pairs = 1, sent: unknown = BODY): Promise<number> {
  const each = rounds / pairs
  return onKernel(async (run) => {
    const echo: ProcessImage = {
      name: 'echo',
      async main(sys) {
        const first = await sys.recv()
        const back = first.caps[0] as CapRef
        for (let i = 0; i < each; i++) {
          const { body } = await sys.recv()
          await sys.send(back, body)
        }
      },
    }
    const startedMs = await together(run, pairs, async (sys) => {
      const { cap } = await sys.spawn(echo)
      await sys.send(cap, 0, { caps: [sys.selfCap()] })
      return async () => {
        for (let i = 0; i < each; i++) {
          await sys.send(cap, sent)
          await sys.recv()
        }
      }
    })
    return perSecond(rounds, startedMs)
  })
}

/** Processes that wait for a message that never comes. */
async function idlers(sys: Sys, count: number): Promise<void> {
  const idle: ProcessImage = { name: 'idle', main: async (inner) => void (await inner.recv()) }
  for (let i = 0; i < count; i++) await sys.spawn(idle)
}

/** One operation: a child is born, sends one message, and ends. */
export function spawn(count: number, live = 0): Promise<number> {
  return onKernel(async ({ sys }) => {
    await idlers(sys, live)
    const child: ProcessImage = {
      name: 'child',
      async main(inner) {
        const { caps } = await inner.recv()
        await inner.send(caps[0] as CapRef, BODY)
      },
    }
    const self = sys.selfCap()
    const startedMs = nowMs()
    for (let i = 0; i < count; i++) {
      const { cap } = await sys.spawn(child, { caps: [self] })
      await sys.recv()
      sys.revoke(cap)
    }
    return perSecond(count, startedMs)
  })
}

/** One operation: a process gives up the processor and another gets it. */
export function yields(count: number, processes = 10): Promise<number> {
  const each = count / processes
  return onKernel(async (run) => {
    const startedMs = await together(run, processes, async (sys) => async () => {
      for (let i = 0; i < each; i++) await sys.yield()
    })
    return perSecond(count, startedMs)
  })
}

/** One operation: a message from one of many senders through one deep mailbox. */
export function fanIn(count: number, senders = 32, sent: unknown = BODY): Promise<number> {
  const each = Math.floor(count / senders)
  return onKernel(async ({ sys }) => {
    const source: ProcessImage = {
      name: 'source',
      async main(inner) {
        const { caps } = await inner.recv()
        for (let i = 0; i < each; i++) await inner.send(caps[0] as CapRef, sent)
      },
    }
    const self = sys.selfCap()
    const startedMs = nowMs()
    for (let i = 0; i < senders; i++) await sys.spawn(source, { caps: [self] })
    for (let i = 0; i < each * senders; i++) await sys.recv()
    return perSecond(each * senders, startedMs)
  })
}

/** One operation: a read from a driver that answers at once, charged. */
export function read(count: number, processes = 1, asked: unknown = BODY): Promise<number> {
  const each = count / processes
  return onKernel(
    async (run) => {
      const startedMs = await together(run, processes, async (sys, caps) => {
        const handle = await sys.open(caps[1] as CapRef)
        return async () => {
          for (let i = 0; i < each; i++) await sys.read(handle, asked)
        }
      })
      return perSecond(count, startedMs)
    },
    { tokens: Number.MAX_SAFE_INTEGER },
  )
}

/** One operation: a segment written to memory without a ceiling. */
export function remember(count: number, processes = 1, body: unknown = BODY): Promise<number> {
  const each = count / processes
  return onKernel(async (run) => {
    const startedMs = await together(run, processes, async (sys) => async () => {
      for (let i = 0; i < each; i++) await sys.remember(body)
    })
    return perSecond(count, startedMs)
  })
}

/** One operation: a segment written where every few writes some older ones have to leave. */
export function paging(count: number, processes = 1, body: unknown = BODY): Promise<number> {
  const each = count / processes
  return onKernel(async (run) => {
    const startedMs = await together(
      run,
      processes,
      async (sys) => async () => {
        for (let i = 0; i < each; i++) await sys.remember(body)
      },
      // Room for few enough that each process has to page, however little of the work is its own.
      { mem: processes === 1 ? 100_000 : 500 },
    )
    return perSecond(count, startedMs)
  })
}

/** One operation: a query that brings one of a few swapped segments back, for which another leaves. */
export function recall(count: number, processes = 1, isShort = false): Promise<number> {
  const each = count / processes
  const queries = SENTENCES.map(({ about }) => about)
  const bodies: readonly unknown[] = isShort ? queries : SENTENCES
  return onKernel(async (run) => {
    const prepare = async (sys: Sys): Promise<() => Promise<void>> => {
      for (const body of bodies) await sys.remember(body, { tokens: 100 })
      return async () => {
        for (let i = 0; i < each; i++) await sys.recall(queries[i & 15] as string, 1)
      }
    }
    const startedMs = await together(run, processes, prepare, { mem: 800 })
    return perSecond(count, startedMs)
  })
}

/** As `recall`, of a single process with many segments in swap. */
export function recallFrom(swapped: number, count: number): Promise<number> {
  return onKernel(
    async ({ sys }) => {
      for (let i = 0; i < swapped + 8; i++)
        await sys.remember({ ...BODY, about: `topic${i}` }, { tokens: 100 })
      await sys.recall('topic0', 1)
      const startedMs = nowMs()
      for (let i = 0; i < count; i++) await sys.recall(`topic${(i * 7) % swapped}`, 1)
      return perSecond(count, startedMs)
    },
    { mem: 800 },
  )
}

/** Reads that each wait `ms`, by each process: all in one call, or one call after the other. Reads per second. */
export function latency(reads: number, ms: number, isBatch: boolean, processes = 1): Promise<number> {
  const answer = (value: unknown): Promise<DriverResult> =>
    new Promise((resolve) => {
      globalThis.setTimeout(() => resolve({ value }), ms)
    })
  return onKernel(
    async (run) => {
      const startedMs = await together(run, processes, async (sys, caps) => {
        const handle = await sys.open(caps[1] as CapRef)
        const requests = Array.from({ length: reads }, () => BODY)
        return async () => {
          if (isBatch) await sys.readAll(handle, requests)
          else for (const request of requests) await sys.read(handle, request)
        }
      })
      return perSecond(reads * processes, startedMs)
    },
    {},
    answer,
  )
}
