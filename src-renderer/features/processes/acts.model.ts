import type { ProcessRow } from '@contract/process.ts'
import type { Problem } from '../../client/error-texts.ts'
import { plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { nameOf, possibleWith } from './processes.model.ts'

type Rows = ReadonlyMap<number, ProcessRow>

/** Whom an end has to be asked of: what runs below a session that is among them ends with it. */
export function endsOf(picked: readonly ProcessRow[], all: Rows): readonly ProcessRow[] {
  const sessions = new Set(picked.filter((row) => row.kind === 'session').map((row) => row.sessionId))
  return picked.filter((row) => {
    if (!possibleWith(all.get(row.pid) ?? row).end) return false
    return row.kind === 'session' || row.sessionId === null || !sessions.has(row.sessionId)
  })
}

/** How an act on one process went. */
export interface ActOutcome {
  readonly row: ProcessRow
  /** null when it was done. */
  readonly problem: Problem | null
}

const done = {
  suspend: 'Suspended',
  resume: 'Resumed',
  terminate: 'Asked to wind down',
  kill: 'Killed',
  prioritise: 'Changed',
} as const

export type ActVerb = keyof typeof done

/** Refusals that only say that the process was faster. */
const isOver = ({ problem }: ActOutcome) =>
  problem?.code === 'process_not_found' || problem?.code === 'session_ended'

/**
 * What is said after an act on one or many; null where the list shows all there is to say. Many refusals are one sentence,
 * with the first of those that need one of their own.
 */
export function reportOf(
  verb: ActVerb,
  outcomes: readonly ActOutcome[],
): { readonly text: string; readonly todo: string | null } | null {
  const failed = outcomes.filter((one) => one.problem !== null)
  const [first] = failed
  if (!first?.problem) return null
  if (outcomes.length === 1)
    return isOver(first)
      ? { text: `${shortName(first.row)} (${first.row.pid}) had ended already.`, todo: null }
      : { text: first.problem.what, todo: first.problem.todo }
  const over = failed.filter(isOver).length
  const refused = failed.filter((one) => !isOver(one))
  const why = refused[0]?.problem
  const text = [
    `${done[verb]}: ${outcomes.length - failed.length} of ${plural(outcomes.length, 'process', 'processes')}.`,
    over > 0 ? `${over} had ended already.` : '',
    why ? `${refused.length} refused: ${why.what}` : '',
  ]
  return { text: text.filter((part) => part !== '').join(' '), todo: why?.todo ?? null }
}

/** A name that fits into a notice. */
export function shortName(row: ProcessRow): string {
  const name = visibleLine(nameOf(row))
  return name.length > 40 ? `${name.slice(0, 39)}…` : name
}
