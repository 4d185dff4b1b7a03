import type { ProcessRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import type { Problem } from '../../client/error-texts.ts'
import { type ActOutcome, endsOf, reportOf } from './acts.model.ts'
import { columnsFor } from './columns.tsx'

const none = { spent: 0, limit: null, available: null }

function row(pid: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return {
    pid,
    parent: 1,
    name: `p${pid}`,
    kind: 'part',
    sessionId: null,
    sessionTitle: null,
    state: 'waiting',
    waitingOn: 'recv',
    priority: 0,
    deadlineAtMs: null,
    mailbox: 0,
    sendersParked: 0,
    use: { tokens: none, usdNanos: none, toolCalls: none, wallMs: none, mem: none, children: none },
    residentTokens: 0,
    swapTokens: 0,
    reductions: 0,
    reductionsPerSecond: 0,
    caps: 0,
    startedAtMs: 0,
    program: null,
    ...more,
  }
}

const of = (id: string) => ({ sessionId: id as never, sessionTitle: `Title ${id}` })
const problem = (code: string, what: string): Problem => ({
  code,
  what,
  todo: 'Do this.',
  incident: null,
  canRetry: false,
  data: {},
})
const gone = (pid: number): ActOutcome => ({ row: row(pid), problem: problem('process_not_found', 'Gone.') })
const fine = (pid: number): ActOutcome => ({ row: row(pid), problem: null })

it('asks an end only of those that do not end with a session that is asked as well', () => {
  const rows = [
    row(1, { kind: 'fleet' }),
    row(2, { kind: 'session', ...of('a') }),
    row(3, of('a')),
    row(4, { kind: 'sub_agent', ...of('a') }),
    row(5, of('b')),
    row(6),
  ]
  const all = new Map(rows.map((one) => [one.pid, one]))
  expect(endsOf(rows, all).map((one) => one.pid)).toEqual([2, 5, 6])
  expect(endsOf(rows.slice(2, 4), all).map((one) => one.pid)).toEqual([3, 4])
})

it('says nothing of what went as asked, and plainly that one had ended before', () => {
  expect(reportOf('kill', [fine(2), fine(3)])).toBeNull()
  expect(reportOf('kill', [])).toBeNull()
  expect(reportOf('kill', [gone(7)])).toEqual({ text: 'p7 (7) had ended already.', todo: null })
  expect(reportOf('suspend', [{ row: row(8), problem: problem('process_protected', 'It stays.') }])).toEqual({
    text: 'It stays.',
    todo: 'Do this.',
  })
})

it('says once for many what did not go as asked', () => {
  const refused = { row: row(9), problem: problem('process_protected', 'Process 9 stays.') }
  expect(reportOf('kill', [fine(2), fine(3), gone(4), gone(5)])?.text).toBe(
    'Killed: 2 of 4 processes. 2 had ended already.',
  )
  expect(reportOf('terminate', [fine(2), refused, gone(4)])).toEqual({
    text: 'Asked to wind down: 1 of 3 processes. 1 had ended already. 1 refused: Process 9 stays.',
    todo: 'Do this.',
  })
})

it('gives a name its room before figures, and shows programs only where there are any', () => {
  const ids = (width: number, hasPrograms: boolean) =>
    columnsFor(width, hasPrograms, () => undefined)
      .map((one) => one.id)
      .join(' ')
  expect(ids(440, true)).toBe('name state speed')
  expect(ids(730, false)).toBe('pid name state mailbox tokens money speed')
  expect(ids(917, true)).toContain('program')
  expect(ids(917, false)).not.toContain('program')
  expect(ids(0, true).split(' ')).toHaveLength(13)
})
