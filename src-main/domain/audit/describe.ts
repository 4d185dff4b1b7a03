import type { AuditEntry } from '../../contract/audit.ts'
import type { FactType } from '../../contract/events.ts'
import { isFactType } from './event-kind.ts'

type Tone = AuditEntry['tone']

interface Words {
  readonly text: string
  /** Names of payload fields that are shown after the text, the first that has a value. */
  readonly show?: readonly string[]
  readonly tone?: Tone
}

/** What each kind of entry says in the audit view. A forgotten type does not compile. */
const words: Record<FactType, Words> = {
  'session.accepted': { text: 'Session accepted', show: ['title'] },
  'routing.decided': { text: 'Route decided', show: ['chosen'] },
  'workarea.acquired': { text: 'Workarea made', show: ['branch'] },
  'agent.materialised': { text: 'Agent set up', show: ['agent'] },
  'session.started': { text: 'Session started' },
  'session.asked': { text: 'Asked', show: ['title'], tone: 'caution' },
  'session.answered': { text: 'Answered', show: ['outcome'] },
  'session.prompted': { text: 'Prompt given' },
  'session.reprioritised': { text: 'Priority changed' },
  'session.pauseRequested': { text: 'Pause requested' },
  'session.paused': { text: 'Paused' },
  'session.resumed': { text: 'Resumed' },
  'session.stopRequested': { text: 'Stop requested', show: ['reason'], tone: 'caution' },
  'session.ended': { text: 'Session ended', show: ['message'] },
  'workarea.changed': { text: 'Files changed' },
  'workarea.landed': { text: 'Landed', show: ['branch'] },
  'workarea.landUndone': { text: 'Landing taken back', show: ['branch'], tone: 'caution' },
  'workarea.released': { text: 'Workarea released', show: ['how'] },
  'process.spawned': { text: 'Process made', show: ['name'] },
  'process.exited': { text: 'Process ended' },
  'process.suspended': { text: 'Process suspended' },
  'process.resumed': { text: 'Process resumed' },
  'capability.granted': { text: 'Capabilities granted', show: ['devices'] },
  'capability.narrowed': { text: 'Capability narrowed', show: ['device'], tone: 'caution' },
  'capability.revoked': { text: 'Capability revoked', show: ['device'], tone: 'caution' },
  'capability.refused': { text: 'Refused', show: ['what', 'device'], tone: 'danger' },
  'budget.changed': { text: 'Budget changed', tone: 'caution' },
  'budget.exceeded': { text: 'Over budget', show: ['resource'], tone: 'danger' },
  'project.added': { text: 'Repository added', show: ['path'] },
  'project.budgetChanged': { text: 'Budget of a repository changed', tone: 'caution' },
  'project.removed': { text: 'Repository taken off the list', show: ['projectId'] },
  'settings.changed': { text: 'Setting changed', show: ['key'] },
  'daemon.started': { text: 'Daemon started', show: ['version'] },
  'daemon.stopped': { text: 'Daemon stopped', show: ['reason'] },
  'daemon.paused': { text: 'Daemon paused' },
  'daemon.resumed': { text: 'Daemon resumed' },
  'daemon.draining': { text: 'Daemon drains' },
  'daemon.reconciled': { text: 'Settled what an earlier run left' },
}

const longest = 160

/** One line for people from a stored body; what can't be read is said so, never hidden. */
export function describeFact(type: string, body: string): { readonly summary: string; readonly tone: Tone } {
  if (!isFactType(type)) return { summary: type, tone: 'plain' }
  const { text, show = [], tone = 'plain' } = words[type]
  const payload = readPayload(body)
  if (!payload) return { summary: `${text} (its entry can't be read)`, tone: 'danger' }
  const detail = show.map((name) => shownValue(payload[name])).find((value) => value !== '')
  const summary = detail ? `${text}: ${detail}` : text
  return { summary, tone: type === 'session.ended' && hasFailed(payload) ? 'danger' : tone }
}

function readPayload(body: string): Record<string, unknown> | undefined {
  try {
    const { payload } = JSON.parse(body) as { payload?: unknown }
    return typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function shownValue(value: unknown): string {
  const text = Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : ''
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

function hasFailed(payload: Record<string, unknown>): boolean {
  const reason = payload.endReason
  if (typeof reason !== 'object' || reason === null || !('kind' in reason)) return false
  return reason.kind === 'fault' || reason.kind === 'quota' || reason.kind === 'deadline'
}
