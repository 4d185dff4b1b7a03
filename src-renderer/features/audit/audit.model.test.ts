import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import { expect, it } from 'vitest'
import {
  actorWord,
  bodyTokens,
  filterEntries,
  filtersFor,
  headline,
  knotOf,
  prettyBody,
} from './audit.model.ts'

const entry = (sequence: number, eventKind: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  seq: sequence,
  sequence,
  eventKind,
  actorId: 'daemon:m',
  summary: '',
  tone: 'plain',
  body: '{}',
  previousHash: '',
  entryHash: '',
  occurredAt: '',
  ...more,
})
const report = (more: Partial<AuditReport> = {}): AuditReport => ({
  chain: 'c',
  ok: true,
  entries: 5,
  firstSequence: 1,
  lastSequence: 5,
  head: '',
  problems: [],
  problemCount: 0,
  proves: [],
  verifiedAtMs: 0,
  durationMs: 3,
  ...more,
})
const broken = report({ ok: false, problems: [{ sequence: 3, kind: 'hash', severity: 'error', detail: '' }] })

it('never calls a chain intact that was not checked', () => {
  expect(headline(undefined, 5)).toEqual({ text: '5 entries, not checked', tone: 'idle' })
  expect(headline(report(), 5)).toEqual({ text: '5 entries intact', tone: 'clear' })
  expect(headline(report(), 7).text).toBe('5 entries intact, 2 newer not checked')
  expect(headline(broken, 5)).toEqual({ text: 'Broken at entry 3', tone: 'danger' })
})

it('draws the rail only as far as it holds', () => {
  expect([1, 2, 3, 4, 5, 6].map((one) => knotOf(one, broken))).toEqual([
    'clear',
    'clear',
    'danger',
    'open',
    'open',
    'open',
  ])
  expect([5, 6].map((one) => knotOf(one, report()))).toEqual(['clear', 'open'])
})

it('offers the filters that find something', () => {
  const entries = [
    entry(1, 'routing-decision'),
    entry(2, 'capability-refused', { tone: 'danger' }),
    entry(3, 'session-answered', { actorId: 'operator:local' }),
  ]
  expect(filtersFor(entries).map((one) => `${one.name} ${one.count}`)).toEqual([
    'All 3',
    'Decisions 1',
    'You 1',
    'Refused 1',
    'Authority 1',
  ])
  expect(filterEntries(entries, 'refused').map((one) => one.sequence)).toEqual([2])
  expect(['operator:local', 'session:ses-a', 'daemon:x', 'token:ci'].map(actorWord)).toEqual([
    'you',
    'session',
    'daemon',
    'ci',
  ])
})

it('colours a body without changing a character', () => {
  const text = prettyBody('{"a":"x: 1","b":[1,-2.5e3,true],"c":{"d\\"":null}}')
  const runs = bodyTokens(text)
  expect(runs.map((one) => one.text).join('')).toBe(text)
  expect(runs.find((one) => one.role === 'key')?.text).toBe('"a"')
  expect(prettyBody('not json')).toBe('not json')
})
