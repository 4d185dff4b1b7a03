import type { AuditProblem, AuditReport } from '../../contract/audit.ts'
import type { StoredEntry } from './check-entry.ts'
import type { ChainPart, VerifyOptions } from './verify.ts'
import { createChainCheck } from './verify.ts'

const maxListed = 1000

export interface ReportTimes {
  readonly verifiedAtMs: number
  readonly durationMs: number
}

/** Joins the parts of one chain, in order, into its report; a known end shows whether something is missing there. */
export function reportChain(
  options: Pick<VerifyOptions, 'chain' | 'expectedHead'>,
  parts: readonly ChainPart[],
  times: ReportTimes,
): AuditReport {
  const filled = parts.filter((part) => part.entries > 0)
  const entries = filled.reduce((sum, part) => sum + part.entries, 0)
  const last = filled.at(-1)
  const problems = filled.flatMap((part) => part.problems)
  const end = checkEnd(options.expectedHead, last)
  if (end) problems.push(end)
  const problemCount = filled.reduce((sum, part) => sum + part.problemCount, 0) + (end ? 1 : 0)
  const ok = problems.every((problem) => problem.severity !== 'error')
  const report = {
    chain: options.chain,
    ok,
    entries,
    firstSequence: filled[0]?.firstSequence ?? 0,
    lastSequence: last?.lastSequence ?? 0,
    head: last?.head ?? '',
    problems: problems.slice(0, maxListed),
    problemCount,
    ...times,
  }
  return { ...report, proves: provesOf(report) }
}

function checkEnd(
  expected: VerifyOptions['expectedHead'],
  last: ChainPart | undefined,
): AuditProblem | undefined {
  if (!expected) return undefined
  const length = last?.lastSequence ?? 0
  if (length < expected.length) {
    return {
      sequence: length,
      kind: length === 0 ? 'chain_missing' : 'truncated',
      severity: 'error',
      detail: `ends at ${length}, but ${expected.length} entries were written`,
    }
  }
  const isOther = length > expected.length || last?.head !== expected.head
  // A last entry that was edited is told by its own hash.
  if (!isOther || last?.problems.some((problem) => problem.sequence === length)) return undefined
  const detail =
    length > expected.length
      ? `${length - expected.length} entries stand behind its end`
      : 'ends in another entry than was written'
  return { sequence: length, kind: 'forked', severity: 'error', detail }
}

/** What the finding means, in sentences for people (spec/routing-kits-audit.md §8.7). */
function provesOf(report: Omit<AuditReport, 'proves'>): string[] {
  if (report.entries === 0) return ['The chain is empty: it proves nothing.']
  if (!report.ok) {
    const first = report.problems.find((problem) => problem.severity === 'error')
    const where = first?.sequence === null || !first ? '' : ` The first break is at entry ${first.sequence}.`
    return [`The chain does not hold: something was changed, removed or added.${where}`]
  }
  const range =
    report.firstSequence === report.lastSequence
      ? `Entry ${report.firstSequence} was`
      : `Entries ${report.firstSequence} to ${report.lastSequence} were`
  return [
    `${range} not changed, removed or put in another order unless everything from there to the head was rewritten.`,
    'The entries are not signed: who has the database can rewrite the whole chain, and only a head kept elsewhere would show it.',
  ]
}

/** Verifies a whole list of entries at once. */
export function verifyEntries(
  entries: Iterable<StoredEntry>,
  options: VerifyOptions,
  times: ReportTimes,
): AuditReport {
  const check = createChainCheck(options)
  for (const entry of entries) check.add(entry)
  return reportChain(options, [check.end()], times)
}
