import type { EndReason, Phase, SessionStatus, WorkareaState } from './session.ts'

/** Shape and tone of a state lamp (design.md §3); colour never stands alone. */
export type LampTone = 'clear' | 'caution' | 'danger' | 'idle' | 'accent'
export type LampShape = 'disc' | 'tick' | 'triangle' | 'square' | 'ring' | 'ring-dot'
export interface Lamp {
  readonly tone: LampTone
  readonly shape: LampShape
  readonly word: string
}

const quotaWords: Readonly<Record<string, string>> = { wallMs: 'out of time' }

function endedLamp(reason: EndReason): Lamp {
  switch (reason.kind) {
    case 'normal':
      return { tone: 'accent', shape: 'ring-dot', word: 'review' }
    case 'quota':
      return { tone: 'danger', shape: 'square', word: quotaWords[reason.resource] ?? 'over budget' }
    case 'deadline':
      return { tone: 'danger', shape: 'square', word: 'out of time' }
    case 'fault':
      return { tone: 'danger', shape: 'square', word: reason.error === 'lost' ? 'lost' : 'failed' }
    case 'killed':
    case 'shutdown':
      return { tone: 'idle', shape: 'ring', word: 'stopped' }
  }
}

const workingWords: Readonly<Record<Phase, string>> = {
  queue: 'queued',
  route: 'routes',
  prepare: 'prepares',
  run: 'runs',
  ask: 'asks',
  review: 'review',
  land: 'lands',
}

/** The one table from a session's state to its lamp and word. */
export function lampOf(row: {
  status: SessionStatus
  phase: Phase
  isPaused: boolean
  isStopping: boolean
  endReason: EndReason | null
  workareaState: WorkareaState
}): Lamp {
  if (row.workareaState === 'landed') return { tone: 'clear', shape: 'tick', word: 'landed' }
  if (row.workareaState === 'discarded') return { tone: 'idle', shape: 'ring', word: 'discarded' }
  if (row.status === 'queued') return { tone: 'idle', shape: 'ring', word: 'queued' }
  if (row.status === 'parked') return { tone: 'idle', shape: 'ring', word: 'parked' }
  if (row.status === 'working') {
    if (row.isStopping) return { tone: 'idle', shape: 'disc', word: 'stopping' }
    if (row.isPaused) return { tone: 'idle', shape: 'ring', word: 'paused' }
    if (row.phase === 'ask') return { tone: 'caution', shape: 'triangle', word: 'asks' }
    return { tone: 'clear', shape: 'disc', word: workingWords[row.phase] }
  }
  if (row.status === 'completed' && row.workareaState === 'kept')
    return { tone: 'clear', shape: 'tick', word: 'kept' }
  if (row.endReason)
    return row.status === 'stopped'
      ? { tone: 'idle', shape: 'ring', word: 'stopped' }
      : endedLamp(row.endReason)
  return { tone: 'idle', shape: 'ring', word: row.status }
}

/** The public status an exit reason leads to; a recorded stop intent turns a clean or killed end into `stopped`. */
export function statusOf(
  reason: EndReason,
  stopRequested: boolean,
): Extract<SessionStatus, 'completed' | 'failed' | 'stopped'> {
  if (reason.kind === 'shutdown') return 'stopped'
  if (stopRequested && (reason.kind === 'normal' || reason.kind === 'killed')) return 'stopped'
  if (reason.kind === 'normal') return 'completed'
  return reason.kind === 'killed' ? 'stopped' : 'failed'
}
