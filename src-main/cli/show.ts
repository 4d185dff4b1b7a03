import type { AuditReport } from '../contract/audit.ts'
import { lampOf } from '../contract/lamp.ts'
import type { SessionDetail, SessionRow } from '../contract/session.ts'
import type { FileDiff } from '../contract/workarea.ts'
import { formatDuration, formatUsd, oneLine, paint, type Terminal, table, visible } from './terminal.ts'

/** Sessions, newest first, one line each. */
export function printSessions(terminal: Terminal, rows: readonly SessionRow[], nowMs: number): void {
  if (rows.length === 0) {
    terminal.out('No sessions. Start one with: signalbox run "what to do"')
    return
  }
  const cells = rows.map((row) => {
    const elapsed = (row.endedAtMs ?? nowMs) - (row.startedAtMs ?? row.createdAtMs)
    const changes = row.changes ? `+${row.changes.insertions} -${row.changes.deletions}` : '—'
    return [
      row.id.slice(0, 12),
      lampOf(row).word,
      oneLine(row.agent, 20),
      formatDuration(Math.max(0, elapsed)),
      formatUsd(row.usage.costUsdNanos),
      changes,
      oneLine(row.title, 60),
    ]
  })
  for (const line of table([['ID', 'STATE', 'AGENT', 'ELAPSED', 'COST', 'CHANGES', 'SESSION'], ...cells]))
    terminal.out(line)
}

/** One session in full. */
export function printSession(terminal: Terminal, detail: SessionDetail): void {
  const { row } = detail
  const lamp = lampOf(row)
  const limit = (used: string, max: string | null) => (max === null ? used : `${used} of ${max}`)
  const tokens =
    row.usage.inputTokens === null ? 'unknown' : String(row.usage.inputTokens + (row.usage.outputTokens ?? 0))
  const lines: [string, string][] = [
    ['id', row.id],
    ['state', `${lamp.word}${row.endMessage ? ` — ${oneLine(row.endMessage, 200)}` : ''}`],
    [
      'agent',
      `${oneLine(row.agent, 60)}${row.model ? ` (${oneLine(row.model, 60)})` : ''}, pays: ${row.payment}`,
    ],
    ['repository', visible(detail.repositoryPath)],
    [
      'branch',
      row.branch
        ? `${visible(row.branch)} from ${visible(detail.baseRef ?? '')} @ ${(detail.baseCommit ?? '').slice(0, 10)}`
        : '—',
    ],
    ['workarea', `${row.workareaState}${detail.workareaPath ? ` ${visible(detail.workareaPath)}` : ''}`],
    ['confined', row.confinement ? confinement(row.confinement) : '—'],
    [
      'money',
      limit(
        formatUsd(row.usage.costUsdNanos),
        row.budget.usdNanos === null ? null : formatUsd(row.budget.usdNanos),
      ),
    ],
    ['tokens', limit(tokens, row.budget.tokens === null ? null : String(row.budget.tokens))],
    [
      'tool calls',
      limit(String(row.usage.toolCalls), row.budget.toolCalls === null ? null : String(row.budget.toolCalls)),
    ],
    [
      'time',
      limit(
        formatDuration(row.usage.wallMs),
        row.budget.wallMs === null ? null : formatDuration(row.budget.wallMs),
      ),
    ],
    ['refused', String(row.refusals)],
  ]
  terminal.out(`${paint(terminal, 'bold', oneLine(row.title, 200))}`)
  for (const line of table(lines.map(([name, value]) => [`  ${name}`, value]))) terminal.out(line)
  for (const note of detail.notes) terminal.out(`  note: ${oneLine(note, 300)}`)
  for (const ask of detail.asks)
    terminal.out(
      `  ${paint(terminal, 'caution', 'asks')} ${ask.id} ${oneLine(ask.title, 200)}: ${ask.options.map((option) => option.id).join(' | ')}`,
    )
}

function confinement(given: NonNullable<SessionRow['confinement']>): string {
  const parts = [given.files ? 'files' : null, given.network ? 'network' : null].filter(
    (part) => part !== null,
  )
  const open = [
    given.files ? null : 'not confined: files',
    given.network ? null : 'not confined: network',
  ].filter((part) => part !== null)
  return [parts.length > 0 ? `${parts.join(', ')} (${given.means})` : null, ...open]
    .filter((part) => part !== null)
    .join('; ')
}

/** One file of a unified diff, as git prints it; agent text is made visible. */
export function printFileDiff(terminal: Terminal, diff: FileDiff): void {
  const { file } = diff
  const from = file.oldPath ?? file.path
  terminal.out(paint(terminal, 'bold', `diff --git a/${visible(from)} b/${visible(file.path)}`))
  if (file.isBinary) {
    terminal.out(`Binary file, ${file.oldSizeBytes ?? 0} to ${file.newSizeBytes ?? 0} bytes`)
    return
  }
  terminal.out(`--- ${file.status === 'added' ? '/dev/null' : `a/${visible(from)}`}`)
  terminal.out(`+++ ${file.status === 'deleted' ? '/dev/null' : `b/${visible(file.path)}`}`)
  for (const hunk of diff.hunks) {
    terminal.out(
      paint(
        terminal,
        'accent',
        `@@ -${hunk.oldStart},${hunk.oldCount} +${hunk.newStart},${hunk.newCount} @@ ${visible(hunk.header)}`.trimEnd(),
      ),
    )
    for (const line of hunk.lines) {
      if (line.kind === 'added') terminal.out(paint(terminal, 'clear', `+${visible(line.text)}`))
      else if (line.kind === 'removed') terminal.out(paint(terminal, 'danger', `-${visible(line.text)}`))
      else terminal.out(` ${visible(line.text)}`)
      if (line.noNewline) terminal.out('\\ No newline at end of file')
    }
  }
  if (diff.omittedLines > 0) terminal.out(`… ${diff.omittedLines} lines left out`)
}

/** The one sentence of a verification; scripts look for its first words. */
export function printReport(terminal: Terminal, report: AuditReport): void {
  if (report.ok) {
    terminal.out(`${paint(terminal, 'clear', 'audit chain verified')} (${report.entries} entries)`)
    return
  }
  terminal.out(
    `${paint(terminal, 'danger', 'audit chain BROKEN')} (${report.problemCount} problems in ${report.entries} entries of ${report.chain})`,
  )
  for (const problem of report.problems.slice(0, 20))
    terminal.out(`  entry ${problem.sequence ?? '—'}: ${problem.kind}: ${oneLine(problem.detail, 200)}`)
}
