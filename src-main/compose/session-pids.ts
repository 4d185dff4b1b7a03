import { SessionId } from '../contract/ids.ts'
import type { HostEvent } from '../kernel/host-events.ts'
import type { Pid } from '../kernel/ids.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** The session of a process; `isOwn` for the session's own process, else it is below that. */
export interface Belonging {
  readonly sessionId: SessionId
  readonly isOwn: boolean
}

/** Which session each live process belongs to: known from its birth, for its parent may be gone when it is asked. */
export function followSessions(kernel: Kernel) {
  const byPid = new Map<number, Belonging>()
  const pids = new Map<string, Set<number>>()
  const note = (pid: number, belonging: Belonging) => {
    byPid.set(pid, belonging)
    const known = pids.get(belonging.sessionId)
    if (known) known.add(pid)
    else pids.set(belonging.sessionId, new Set([pid]))
  }
  /** Parts that outlive their session's process would run on at the fleet's cost. */
  const endRest = (sessionId: string) => {
    const rest = [...(pids.get(sessionId) ?? [])]
    if (rest.some((pid) => byPid.get(pid)?.isOwn)) return
    for (const pid of rest) kernel.signal(pid as Pid, { kind: 'shutdown' })
  }
  const follow = (event: HostEvent) => {
    if (event.type === 'process.spawned') {
      const above = byPid.get(event.parent)
      if (above) note(event.pid, { sessionId: above.sessionId, isOwn: false })
    } else if (event.type === 'process.exited') {
      const gone = byPid.get(event.pid)
      if (!gone) return
      byPid.delete(event.pid)
      const rest = pids.get(gone.sessionId)
      rest?.delete(event.pid)
      if (rest?.size === 0) pids.delete(gone.sessionId)
      // The kernel is in the middle of ending it: it is called when that is done.
      else if (gone.isOwn) queueMicrotask(() => endRest(gone.sessionId))
    }
  }
  const unsubscribe = kernel.subscribe(follow)
  return {
    /** The process that was just made for a session. */
    own: (pid: number, sessionId: string): void =>
      note(pid, { sessionId: SessionId.parse(sessionId), isOwn: true }),
    of: (pid: number): Belonging | undefined => byPid.get(pid),
    pidsOf: (sessionId: string): readonly number[] => [...(pids.get(sessionId) ?? [])],
    ownOf: (sessionId: string): number | undefined =>
      [...(pids.get(sessionId) ?? [])].find((pid) => byPid.get(pid)?.isOwn),
    close: unsubscribe,
  }
}

export type SessionPids = ReturnType<typeof followSessions>
