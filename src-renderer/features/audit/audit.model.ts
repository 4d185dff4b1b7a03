import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import { plural } from '../../format/amounts.ts'
import { formatAgo } from '../../format/duration.ts'

export type EntryFilter = 'all' | 'decisions' | 'you' | 'refused' | 'authority'

const tests: Readonly<Record<EntryFilter, (entry: AuditEntry) => boolean>> = {
  all: () => true,
  decisions: ({ eventKind }) => /^(routing|policy)-/.test(eventKind),
  you: ({ actorId, eventKind }) => actorId.startsWith('operator') || eventKind === 'session-answered',
  refused: ({ tone, eventKind }) => eventKind === 'capability-refused' || tone === 'danger',
  authority: ({ eventKind }) => eventKind.startsWith('capability-'),
}

/** Filters with how many entries pass each; a filter that nothing passes is left out. */
export function filtersFor(
  entries: readonly AuditEntry[],
): readonly { filter: EntryFilter; name: string; count: number }[] {
  const names = { all: 'All', decisions: 'Decisions', you: 'You', refused: 'Refused', authority: 'Authority' }
  const filters: readonly EntryFilter[] = ['all', 'decisions', 'you', 'refused', 'authority']
  return filters
    .map((filter) => ({ filter, name: names[filter], count: entries.filter(tests[filter]).length }))
    .filter(({ filter, count }) => filter === 'all' || count > 0)
}

export function filterEntries(entries: readonly AuditEntry[], filter: EntryFilter): readonly AuditEntry[] {
  return filter === 'all' ? entries : entries.filter(tests[filter])
}

/** Actor ids as people read them: `operator:local` is you, `session:ses-…` the session. */
export function actorWord(actorId: string): string {
  const [kind = ''] = actorId.split(':')
  if (kind === 'operator') return 'you'
  return kind === 'token' ? actorId.slice(6) || 'token' : kind
}

/** The header's sentence: how far the chain is intact, and what was found. Not checked is never said to be intact. */
export function headline(
  report: AuditReport | undefined,
  total: number,
): { text: string; tone: 'clear' | 'danger' | 'idle' } {
  if (!report) return { text: `${plural(total, 'entry', 'entries')}, not checked`, tone: 'idle' }
  if (report.ok) {
    const fresh = total - report.lastSequence
    const tail = fresh > 0 ? `, ${fresh} newer not checked` : ''
    return { text: `${plural(report.entries, 'entry', 'entries')} intact${tail}`, tone: 'clear' }
  }
  const first = firstProblem(report)
  return { text: first === null ? 'The chain is broken' : `Broken at entry ${first}`, tone: 'danger' }
}

/** Sequence of the first error; null when it names none. */
export function firstProblem(report: AuditReport): number | null {
  const broken = report.problems.filter((one) => one.severity === 'error' && one.sequence !== null)
  return broken.length === 0
    ? null
    : Math.min(...broken.map((one) => one.sequence ?? Number.POSITIVE_INFINITY))
}

/** Sequence of the last entry before the first error; of the last entry when there is none. */
export function intactThrough(report: AuditReport): number {
  const first = report.ok ? null : firstProblem(report)
  return first === null ? (report.ok ? report.lastSequence : 0) : first - 1
}

/** State of one knot of the rail: checked and linked, broken, or not checked. */
export function knotOf(sequence: number, report: AuditReport | undefined): 'clear' | 'danger' | 'open' {
  if (!report || sequence > report.lastSequence) return 'open'
  const first = report.ok ? null : firstProblem(report)
  if (first !== null && sequence >= first) return sequence === first ? 'danger' : 'open'
  return 'clear'
}

/** When and how fast the chain was recomputed. */
export function checkedText(report: AuditReport | undefined, nowMs: number): string {
  if (!report) return 'Nothing was recomputed yet.'
  const took = report.durationMs < 1 ? 'under 1 ms' : `${Math.round(report.durationMs)} ms`
  return `Every link recomputed from the stored bytes ${formatAgo(nowMs - report.verifiedAtMs)}, in ${took}.`
}

/** A body laid out for reading; the text as hashed when it is no JSON. Key order is kept. */
export function prettyBody(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

/** A run of a body with its role, for colours. */
export interface BodyToken {
  readonly text: string
  readonly role: 'key' | 'string' | 'number' | null
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g

/** Splits laid-out JSON into coloured runs; joined they are the text again. */
export function bodyTokens(text: string): readonly BodyToken[] {
  const runs: BodyToken[] = []
  let at = 0
  for (const match of text.matchAll(token)) {
    if (match.index > at) runs.push({ text: text.slice(at, match.index), role: null })
    const [whole, quoted, colon] = match
    if (quoted && colon !== undefined) runs.push({ text: quoted, role: 'key' }, { text: colon, role: null })
    else runs.push({ text: whole, role: quoted ? 'string' : 'number' })
    at = match.index + whole.length
  }
  if (at < text.length) runs.push({ text: text.slice(at), role: null })
  return runs
}
