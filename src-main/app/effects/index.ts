import { adoptSession } from './adopt-session.ts'
import type { HostPowers, HostState } from './host-powers.ts'
import type { LiveSession } from './live-session.ts'
import { describe } from './session-end.ts'
import { createNewsListener, runSession } from './session-host.ts'
import { createStartTurn } from './turns.ts'

/** The sessions that live in this process, and what outside work the journal owes for them. */
export function createSessionEffects(powers: HostPowers) {
  const state: HostState = { byId: new Map(), byPid: new Map() }
  const unsubscribe = powers.kernel.onNews(createNewsListener(powers, state))
  return {
    startTurn: createStartTurn(powers, state),
    run: (sessionId: string) => runSession(powers, state, sessionId),
    adopt: (sessionId: string) => adoptSession(powers, state, sessionId),
    stop: async (sessionId: string) => stopLive(powers, state.byId.get(sessionId)),
    pause: (sessionId: string) => pauseLive(powers, state.byId.get(sessionId)),
    resume: (sessionId: string) => resumeLive(powers, state.byId.get(sessionId)),
    async prompt(sessionId: string, promptId: string, text: string): Promise<void> {
      const live = state.byId.get(sessionId)
      if (live?.pid === undefined || live.isEnding || live.given.has(promptId)) return
      // One that comes too late stays undelivered; the end of the session says so.
      if (powers.kernel.prompt(live.pid, { promptId, text })) live.given.add(promptId)
    },
    answer: async (askId: string, optionId: string) => powers.asks.settle(askId, optionId),
    /** Kernel process of a session that runs here. */
    pidOf: (sessionId: string) => state.byId.get(sessionId)?.pid,
    /** Ends every session that lives in this process; those that survive in a shim are let go of instead. */
    async close(): Promise<void> {
      await Promise.all([...state.byId.values()].map((live) => closeLive(powers, state, live)))
      await waitUntil(powers, () => state.byId.size === 0, 10_000)
      unsubscribe()
    },
  }
}

export type SessionEffects = ReturnType<typeof createSessionEffects>

/** Time for a process to obey its term before it is killed. */
const cancelMs = 2000

/** The intent is recorded already: term, then the runtime's own cancel, then kill. */
function stopLive({ kernel, clock }: HostPowers, live: LiveSession | undefined): void {
  if (!live || live.isEnding) return
  live.stopRequested = true
  const { pid } = live
  if (pid === undefined) {
    live.abort.abort()
    return
  }
  if (live.isPaused) kernel.resume(pid)
  kernel.term(pid)
  live.turn?.abort()
  clock.after(cancelMs, () => {
    if (!live.isEnding) kernel.kill(pid)
  })
}

async function pauseLive(powers: HostPowers, live: LiveSession | undefined): Promise<void> {
  if (live?.pid === undefined || live.isPaused || live.isEnding) return
  live.isPaused = true
  powers.kernel.suspend(live.pid)
  try {
    await live.handle?.pause()
    await Promise.all([...live.runs].map((program) => program.freeze()))
  } catch (error) {
    // What can't be held goes on as a whole: half a pause would be shown as none.
    await goOn(powers, live, live.pid)
    throw error
  }
  powers.ledger.record([
    { type: 'process.suspended', subject: live.id, payload: { pid: live.pid } },
    { type: 'session.paused', subject: live.id, payload: {} },
  ])
}

async function goOn({ kernel }: HostPowers, live: LiveSession, pid: number): Promise<void> {
  await Promise.all([...live.runs].map((program) => program.thaw()))
  await live.handle?.resume()
  kernel.resume(pid)
  live.isPaused = false
}

async function resumeLive(powers: HostPowers, live: LiveSession | undefined): Promise<void> {
  if (live?.pid === undefined || !live.isPaused || live.isEnding) return
  await goOn(powers, live, live.pid)
  powers.ledger.record([
    { type: 'process.resumed', subject: live.id, payload: { pid: live.pid } },
    { type: 'session.resumed', subject: live.id, payload: {} },
  ])
}

async function closeLive(powers: HostPowers, state: HostState, live: LiveSession): Promise<void> {
  const isDetached = await live.handle?.detach().catch((error: unknown) => {
    powers.log.warn('a child could not be let go of', { session: live.id, error: describe(error) })
    return false
  })
  if (isDetached) {
    // It goes on without us; the next run takes it over.
    powers.recordings.breakOff(live.id)
    live.isEnding = true
    state.byId.delete(live.id)
    return
  }
  live.isShutDown = !live.stopRequested
  live.stopRequested = true
  live.abort.abort()
  if (live.pid !== undefined) powers.kernel.kill(live.pid)
}

async function waitUntil({ clock }: HostPowers, isDone: () => boolean, limitMs: number): Promise<void> {
  const endMs = clock.nowMs() + limitMs
  while (!isDone() && clock.nowMs() < endMs)
    await new Promise<void>((resolve) => void clock.after(20, resolve))
}
