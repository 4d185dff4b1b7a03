import type { DaemonState } from '../contract/fleet.ts'

/** What the tray says: a short reading of the overview. */
export interface TrayStatus {
  readonly state: DaemonState
  readonly running: number
  readonly needsYou: number
  readonly queued: number
}

/** What a person can ask for at the tray. */
export type TrayAction = 'open' | 'pause' | 'resume' | 'drain' | 'quit'

/** One line of the tray's menu; without `action` it is only read. */
export interface TrayLine {
  readonly label: string
  readonly action?: TrayAction
  readonly isEnabled: boolean
}

const words: Readonly<Record<DaemonState, string>> = {
  ready: 'ready',
  paused: 'paused: nothing new starts',
  draining: 'draining: finishing what runs',
  stopping: 'stopping',
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

/** One sentence for the tooltip and the head of the menu. */
export function traySentence(status: TrayStatus): string {
  const parts = [words[status.state], `${status.running} running`]
  if (status.needsYou > 0) parts.push(counted(status.needsYou, 'session needs you', 'sessions need you'))
  if (status.queued > 0) parts.push(`${status.queued} queued`)
  return `Signalbox · ${parts.join(' · ')}`
}

/** The menu from top to bottom; `null` is a line between groups. */
export function trayLines(status: TrayStatus): readonly (TrayLine | null)[] {
  const isPaused = status.state === 'paused'
  const canChange = status.state === 'ready' || isPaused
  return [
    { label: traySentence(status), isEnabled: false },
    null,
    { label: 'Open the console', action: 'open', isEnabled: true },
    isPaused
      ? { label: 'Go on starting sessions', action: 'resume', isEnabled: true }
      : { label: 'Start nothing new', action: 'pause', isEnabled: canChange },
    { label: 'Finish what runs, then stop', action: 'drain', isEnabled: canChange },
    null,
    { label: 'Quit', action: 'quit', isEnabled: true },
  ]
}
