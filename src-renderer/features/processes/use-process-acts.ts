import type { ProcessRow } from '@contract/process.ts'
import { useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { useCommand } from '../../client/use-command.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useNotices } from '../../stores/notices.ts'
import { nameOf, possibleWith } from './processes.model.ts'

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

/** All that can be done to processes, one or many. What cannot be done to a row is left out. */
export function useProcessActs(): ProcessActs {
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
    if (!outcome.ok) asked.current.delete(row.pid)
    else say(`Priority of ${shortName(row)}: ${priority}.`)
  }
  return {
    isOffline,
    ending,
    suspend: (rows) =>
      void each(
        rows.filter((row) => possibleWith(row).suspend),
        suspend.run,
      ),
    resume: (rows) =>
      void each(
        rows.filter((row) => possibleWith(row).resume),
        resume.run,
      ),
    end(verb, rows) {
      const possible = rows.filter((row) => possibleWith(row).end)
      if (possible.length > 0) setEnding({ verb, rows: possible })
    },
    prioritise(rows, by) {
      for (const row of rows) if (possibleWith(row).prioritise) void prioritise(row, by)
    },
    confirmEnding() {
      if (!ending) return
      setEnding(null)
      void each(ending.rows, ending.verb === 'kill' ? kill.run : terminate.run)
    },
    leaveEnding: () => setEnding(null),
  }
}

async function each(
  rows: readonly ProcessRow[],
  run: (input: { pid: number }) => Promise<unknown>,
): Promise<void> {
  for (const { pid } of rows) await run({ pid })
}

function shortName(row: ProcessRow): string {
  const name = visibleLine(nameOf(row))
  return name.length > 40 ? `${name.slice(0, 39)}…` : name
}

function say(text: string): void {
  const { notices, dismiss, say: add } = useNotices.getState()
  // Holding + says the same thing again and again: the last word is enough.
  for (const one of notices) if (one.text.startsWith(text.slice(0, text.lastIndexOf(':')))) dismiss(one.id)
  add({ text, lastsMs: 3000 })
}
