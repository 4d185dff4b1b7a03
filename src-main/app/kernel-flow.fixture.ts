import { startKernel } from '../compose/kernel-host.ts'
import type { SessionId } from '../contract/ids.ts'
import { processPriorityOf } from '../domain/session/reprioritise.ts'
import type { ProcessImage, Sys } from '../kernel/abi.ts'
import type { EffectHandlers } from './effects-runner.ts'
import { acquire, end, type Started, started, submit } from './flow.suite.ts'

/** A session's process that starts as many idle parts, one below the other, as its first prompt says. */
function nestingAgent(name: string): ProcessImage {
  return {
    name,
    async main(sys, args) {
      const depth = Number(/parts (\d+)/.exec(JSON.stringify(args))?.[1] ?? 0)
      await nest(sys, depth)
      await idle(sys)
    },
  }
}

async function nest(sys: Sys, depth: number): Promise<void> {
  if (depth === 0) return
  const part: ProcessImage = {
    name: `part ${depth}`,
    async main(inner) {
      await nest(inner, depth - 1)
      await idle(inner)
    },
  }
  await sys.spawn(part)
}

async function idle(sys: Sys): Promise<void> {
  for (;;) await sys.recv()
}

/** What the effects of one flow share. */
interface Shared {
  readonly kernel: ReturnType<typeof startKernel>
  readonly pids: Map<string, number>
  open?: Started
}

const devices = ['runtime:scripted', 'tool:shell', 'net:*']

function runSession({ kernel, pids, open }: Shared, sessionId: string): void {
  const row = open?.store.sessions.read(sessionId)?.row
  const input = open?.store.sessions.input(sessionId)
  if (!open || !row || !input) return
  const workareaId = acquire(open, sessionId)
  const { pid, parent } = kernel.host.spawn({
    sessionId,
    runtime: 'scripted',
    budget: row.payment === 'none' ? { ...row.budget, usdNanos: null } : row.budget,
    devices,
    priority: processPriorityOf(row.priority),
    prompts: [{ promptId: null, text: input.prompt }],
  })
  pids.set(sessionId, pid)
  open.app.record([
    { type: 'process.spawned', subject: sessionId, payload: { pid, name: `session ${workareaId}`, parent } },
    { type: 'capability.granted', subject: sessionId, payload: { pid, devices } },
    { type: 'session.started', subject: sessionId, payload: { pid } },
  ])
}

function effects(shared: Shared): Partial<EffectHandlers> {
  const { kernel, pids } = shared
  const pidOf = (sessionId: string) => pids.get(sessionId) ?? 0
  return {
    'session.run': async ({ sessionId }) => runSession(shared, sessionId),
    async 'session.pause'({ sessionId }) {
      kernel.host.suspend(pidOf(sessionId))
      shared.open?.app.record([{ type: 'session.paused', subject: sessionId, payload: {} }])
    },
    async 'session.resume'({ sessionId }) {
      kernel.host.resume(pidOf(sessionId))
      shared.open?.app.record([{ type: 'session.resumed', subject: sessionId, payload: {} }])
    },
    'session.stop': async ({ sessionId }) => kernel.host.kill(pidOf(sessionId)),
  }
}

/** Facts that the kernel's news lead to. */
function listen({ kernel, pids }: Shared, open: Started): void {
  kernel.host.onNews((news) => {
    const [sessionId] = [...pids].find(([, pid]) => pid === news.pid) ?? []
    if (sessionId === undefined) return
    if (news.type === 'exited') end(open, sessionId, news.reason, 0)
    else if (news.type === 'capability.revoked')
      open.app.record([
        { type: news.type, subject: sessionId, payload: { pid: news.pid, device: news.device } },
      ])
  })
}

/**
 * An application on a real kernel whose sessions are real processes of it. What runs in them is nothing: the tests of the
 * runtimes look at that.
 */
export async function kernelFlow() {
  const kernel = startKernel({ agent: nestingAgent })
  const shared: Shared = { kernel, pids: new Map() }
  const powers = {
    processes: kernel.processes,
    authority: kernel.authority,
    capabilityUses: kernel.usesOf,
  }
  const open = await started({ powers }, effects(shared))
  shared.open = open
  listen(shared, open)
  return {
    ...open,
    kernel,
    pidOf: (sessionId: string) => shared.pids.get(sessionId) ?? 0,
    /** Submits a session and waits until its process and its parts stand. */
    async begin(parts = 0, more: Parameters<typeof submit>[1] = {}): Promise<SessionId> {
      const { sessionId } = await submit(open, { prompt: `parts ${parts}`, ...more })
      await open.app.idle()
      for (let turns = 0; turns < 20; turns++)
        await new Promise<void>((resolve) => void setImmediate(resolve))
      return sessionId
    },
    async close() {
      await kernel.close()
      open.store.close()
    },
  }
}

export type KernelFlow = Awaited<ReturnType<typeof kernelFlow>>
