import type { FactType } from '@contract/events.ts'

/** A noun, or one query of it. */
export type QueryRoot =
  | 'agent'
  | 'settings'
  | 'storage'
  | 'project'
  | 'audit'
  | 'capability'
  | 'fleet.overview'
  | 'fleet.asks'
  | 'fleet.costs'
  | 'session.get'
  | 'session.list'
  | 'workarea.changes'
  | 'workarea.fileDiff'

const lists = ['fleet.overview', 'session.list', 'session.get'] as const
const one = ['session.get', 'session.list'] as const
const authority = ['session.get', 'session.list', 'capability'] as const
const files = ['session.get', 'session.list', 'workarea.changes', 'workarea.fileDiff'] as const

/** Which queries a fact makes stale. A new fact type without a line here does not compile. */
export const makesStale = {
  'session.accepted': [...lists, 'project'],
  'routing.decided': lists,
  'workarea.acquired': [...lists, 'workarea.changes'],
  'agent.materialised': one,
  'session.started': lists,
  'session.asked': [...lists, 'fleet.asks'],
  'session.answered': [...lists, 'fleet.asks'],
  'session.prompted': one,
  'session.reprioritised': lists,
  'session.pauseRequested': one,
  'session.paused': lists,
  'session.resumed': lists,
  'session.stopRequested': lists,
  'session.ended': [
    ...lists,
    'fleet.asks',
    'fleet.costs',
    'project',
    'workarea.changes',
    'workarea.fileDiff',
  ],
  'workarea.changed': files,
  'workarea.landed': [...lists, 'workarea.changes'],
  'workarea.landUndone': [...lists, 'workarea.changes'],
  'workarea.released': [...lists, 'workarea.changes', 'workarea.fileDiff'],
  'process.spawned': authority,
  'process.exited': authority,
  'process.suspended': one,
  'process.resumed': one,
  'capability.granted': authority,
  'capability.narrowed': authority,
  'capability.revoked': authority,
  'capability.refused': authority,
  'budget.changed': one,
  'budget.exceeded': one,
  'project.added': ['project', 'fleet.overview'],
  'project.budgetChanged': ['project'],
  'project.removed': ['project', 'fleet.overview'],
  'settings.changed': ['settings', 'agent', 'fleet.overview', 'fleet.costs'],
  'daemon.started': ['fleet.overview'],
  'daemon.stopped': ['fleet.overview'],
  'daemon.paused': ['fleet.overview'],
  'daemon.resumed': ['fleet.overview'],
  'daemon.draining': ['fleet.overview'],
  'daemon.reconciled': lists,
} as const satisfies Record<FactType, readonly QueryRoot[]>

/** Roots made stale by a fact; a fact of a newer daemon that is not known here touches the lists. */
export function staleRoots(type: string): readonly QueryRoot[] {
  return isKnown(type) ? makesStale[type] : lists
}

function isKnown(type: string): type is FactType {
  return Object.hasOwn(makesStale, type)
}

/** Facts collected between two refreshes: each root with the sessions it concerns, null when it concerns all. */
export type StaleRoots = ReadonlyMap<QueryRoot, ReadonlySet<string> | null>

/** Adds one fact to what is stale. `chain` is `session:<id>` or of the daemon. */
export function addStale(stale: StaleRoots, type: string, chain: string): StaleRoots {
  const sessionId = chain.startsWith('session:') ? chain.slice('session:'.length) : null
  const next = new Map(stale)
  for (const root of staleRoots(type)) {
    const before = next.get(root)
    if (before === null) continue
    next.set(root, sessionId === null ? null : new Set([...(before ?? []), sessionId]))
  }
  return next
}

/** Whether a query is made stale: its path matches, and the session in its input, if any, is among those concerned. */
export function isMadeStale(key: readonly unknown[], stale: StaleRoots): boolean {
  const [noun, verb, input] = key
  for (const [root, sessions] of stale) {
    if (root !== noun && root !== `${String(noun)}.${String(verb)}`) continue
    const sessionId = sessionIn(input)
    if (sessions === null || sessionId === null || sessions.has(sessionId)) return true
  }
  return false
}

function sessionIn(input: unknown): string | null {
  if (typeof input !== 'object' || input === null || !('sessionId' in input)) return null
  return typeof input.sessionId === 'string' ? input.sessionId : null
}
