import type { ProcessRow } from '@contract/process.ts'
import { useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { type Command, useCommand } from '../../client/use-command.ts'
import { useNotices } from '../../stores/notices.ts'
import { type ActOutcome, type ActVerb, endsOf, reportOf, shortName } from './acts.model.ts'
import { possibleWith } from './processes.model.ts'

/** What is asked before something is ended. */
export interface Ending {
  readonly verb: 'terminate' | 'kill'
  readonly rows: readonly ProcessRow[]
}

export interface ProcessActs {
  readonly isOffline: boolean
  suspend(rows: readonly ProcessRow[]): void
  resume(rows: readonly ProcessRow[]): void
  /** Asks first. */
  end(verb: Ending['verb'], rows: readonly ProcessRow[]): void
  prioritise(rows: readonly ProcessRow[], by: 1 | -1): void
  readonly ending: Ending | null
  confirmEnding(): void
  leaveEnding(): void
}

/** How long a priority that was asked for counts as the row's own, until a sample says so. */
const trustMs = 3000

/** All that can be done to processes, one or many; `all` is what runs. What cannot be done to a row is left out. */
export function useProcessActs(all: ReadonlyMap<number, ProcessRow>): ProcessActs {
  const isOffline = useClient() === null
  const [ending, setEnding] = useState<Ending | null>(null)
  const asked = useRef(new Map<number, { priority: number; atMs: number }>())
  const suspend = useCommand('process', 'suspend')
  const resume = useCommand('process', 'resume')
  const terminate = useCommand('process', 'terminate')
  const kill = useCommand('process', 'kill')
  const setPriority = useCommand('process', 'setPriority')
  const priorityOf = (row: ProcessRow) => {
    const known = asked.current.get(row.pid)
    return known && Date.now() - known.atMs < trustMs ? known.priority : row.priority
  }
  const prioritise = async (row: ProcessRow, by: 1 | -1) => {
    const priority = Math.max(-20, Math.min(20, priorityOf(row) + by))
    asked.current.set(row.pid, { priority, atMs: Date.now() })
    const outcome = await setPriority.run({ pid: row.pid, priority })
    if (!outcome.ok) {
      asked.current.delete(row.pid)
      tell('prioritise', [{ row, problem: outcome.problem }])
    } else say(`Priority of ${shortName(row)}: ${priority}.`)
  }
  return {
    isOffline,
    ending,
    suspend: (rows) =>
      void each(
        'suspend',
        rows.filter((row) => possibleWith(row).suspend),
        suspend.run,
      ),
    resume: (rows) =>
      void each(
        'resume',
        rows.filter((row) => possibleWith(row).resume),
        resume.run,
      ),
    end(verb, rows) {
      const possible = endsOf(rows, all)
      if (possible.length > 0) setEnding({ verb, rows: possible })
    },
    prioritise(rows, by) {
      for (const row of rows) if (possibleWith(row).prioritise) void prioritise(row, by)
    },
    confirmEnding() {
      if (!ending) return
      setEnding(null)
      void each(ending.verb, ending.rows, ending.verb === 'kill' ? kill.run : terminate.run)
    },
    leaveEnding: () => setEnding(null),
  }
}

async function each(
  verb: ActVerb,
  rows: readonly ProcessRow[],
  run: Command<{ pid: number }, unknown>['run'],
): Promise<void> {
  const outcomes: ActOutcome[] = []
  for (const row of rows) {
    const outcome = await run({ pid: row.pid })
    outcomes.push({ row, problem: outcome.ok ? null : outcome.problem })
  }
  tell(verb, outcomes)
}

/** What did not go as asked, once for all of them. */
function tell(verb: ActVerb, outcomes: readonly ActOutcome[]): void {
  const report = reportOf(verb, outcomes)
  if (report) useNotices.getState().say({ tone: 'danger', lastsMs: 20_000, ...report })
}

function say(text: string): void {
  const { notices, dismiss, say: add } = useNotices.getState()
  // Holding + says the same thing again and again: the last word is enough.
  for (const one of notices) if (one.text.startsWith(text.slice(0, text.lastIndexOf(':')))) dismiss(one.id)
  add({ text, lastsMs: 3000 })
}
