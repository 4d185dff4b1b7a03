import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import {
  type AuthorityFilter,
  arrangeHeld,
  arrangeRefused,
  consequencesOf,
  derivedFrom,
  describeRow,
  exampleOf,
  expiryText,
  isWide,
  namesIn,
  originsOf,
  sessionsIn,
  stateOf,
} from './authority.model.ts'
import { layOutGraph, refusedCount } from './graph.model.ts'

function cap(id: number, parentId: number | null, more: Partial<CapabilityRow> = {}): CapabilityRow {
  return {
    id,
    pid: id,
    processName: `p${id}`,
    sessionId: null,
    sessionTitle: null,
    kind: 'device',
    target: 'exec',
    rights: ['open'],
    parentId,
    expiresAtMs: null,
    uses: 0,
    lastUsedAtMs: null,
    ...more,
  }
}

const refusal = (pid: number, more: Partial<RefusalRow> = {}): RefusalRow => ({
  pid,
  processName: `p${pid}`,
  sessionId: null,
  sessionTitle: null,
  device: 'fs',
  what: 'read ~/.ssh/config',
  reason: 'Holds no capability for it.',
  count: 2,
  lastAtMs: 50,
  ...more,
})

const session = (id: string, title: string) => ({ sessionId: id as never, sessionTitle: title })
const all: AuthorityFilter = { text: '', sessionId: null, folded: new Set<number>() }
const caps = [
  cap(1, null, { target: 'net:*' }),
  cap(2, 1, { target: 'net:a:443', ...session('ses-aaaa', 'A') }),
  cap(3, 2, { kind: 'handle', target: 'net:a:443', pid: 2, processName: 'p2', ...session('ses-aaaa', 'A') }),
  cap(4, 2, { target: 'net:a:443', ...session('ses-aaaa', 'A') }),
  cap(5, null, { target: 'exec', ...session('ses-bbbb', 'B') }),
]
const outline = (filter: Partial<AuthorityFilter>) =>
  arrangeHeld(caps, { ...all, ...filter }).map((row) =>
    row.kind === 'held' ? `${'-'.repeat(row.depth)}${row.cap.id}${row.isPath ? '?' : ''}` : '',
  )

it('draws derivation as a tree, and keeps the origins of what a filter finds', () => {
  expect(outline({})).toEqual(['5', '1', '-2', '--4', '--3'])
  expect(outline({ folded: new Set([2]) })).toEqual(['5', '1', '-2'])
  expect(outline({ sessionId: 'ses-aaaa' })).toEqual(['1?', '-2', '--4', '--3'])
  expect(outline({ text: 'handle net' })).toEqual(['1?', '-2?', '--3'])
  expect(outline({ text: 'nothing' })).toEqual([])
})

it('follows origins and descendants, also round a circle that should not be', () => {
  expect(originsOf(caps[2] as CapabilityRow, caps).map((one) => one.id)).toEqual([2, 1])
  expect(
    derivedFrom(1, caps)
      .map((one) => one.id)
      .sort(),
  ).toEqual([2, 3, 4])
  const circle = [cap(1, 2), cap(2, 1)]
  expect(originsOf(circle[0] as CapabilityRow, circle).map((one) => one.id)).toEqual([2])
  expect(derivedFrom(1, circle).map((one) => one.id)).toEqual([2])
  expect(arrangeHeld(circle, all)).toEqual([])
})

it('says what will stop working', () => {
  expect(consequencesOf(caps[1] as CapabilityRow, caps, true)).toEqual([
    'p2 of A can no longer use net:a:443.',
    '1 open handle closes; calls under way come back first.',
    '1 copy passed on to 1 other process ends too.',
  ])
  expect(consequencesOf(caps[1] as CapabilityRow, caps, false)[1]).toMatch(/^At least 1 open handle/)
  const runtime = cap(9, null, { target: 'runtime:acp', ...session('ses-aaaa', 'A') })
  expect(consequencesOf(runtime, [runtime], true)[1]).toContain('the session ends')
  expect(consequencesOf(caps[4] as CapabilityRow, caps, true)).toContain('Nothing derives from it.')
})

it('tells use, nearness of the end and kind by lamp and word', () => {
  expect(stateOf(cap(1, null, { lastUsedAtMs: 999 }), 1000).word).toBe('in use')
  expect(stateOf(cap(1, null, { expiresAtMs: 31_000 }), 1000)).toMatchObject({
    tone: 'caution',
    word: '30 s left',
  })
  expect(stateOf(cap(1, null, { expiresAtMs: 900 }), 1000).word).toBe('expired')
  expect(stateOf(cap(1, null, { kind: 'handle' }), 1000).word).toBe('open')
  expect(expiryText(cap(1, null, { expiresAtMs: 301_000 }), 1000)).toBe('in 5 min')
})

it('reads names, and knows what can be narrowed', () => {
  const hosts = ['net:a.b:443', 'net:c.b:443']
  expect(namesIn('net:a.b:443\n net:c.b:443 , net:a.b:443,,\n', 'net:*.b:443')).toEqual(hosts)
  expect(namesIn('a.b:443\nc.b:443', 'net:*.b:443')).toEqual(hosts)
  expect(namesIn('anything', '*')).toEqual(['anything'])
  expect([exampleOf('net:*'), exampleOf('net:*.b:443')]).toEqual(['net:api.example.com:443', 'net:api.b:443'])
  expect([isWide(caps[0] as CapabilityRow), isWide(caps[1] as CapabilityRow)]).toEqual([true, false])
})

it('lists refusals, the latest first, and shows what an agent tried to hide', () => {
  const rows = arrangeRefused([refusal(1), refusal(2, { lastAtMs: 90, what: 'a\u202eb' })], all)
  expect(rows.map((one) => (one.kind === 'refused' ? one.refusal.pid : 0))).toEqual([2, 1])
  expect(describeRow(rows[0] as (typeof rows)[number], 100)).toContain('a⟦RLO⟧b')
})

it('offers every session that holds or was refused something', () => {
  expect(sessionsIn(caps, [refusal(9, session('ses-cccc', 'C\u0000'))])).toEqual([
    ['ses-aaaa', 'A'],
    ['ses-bbbb', 'B'],
    ['ses-cccc', 'C\\x00'],
  ])
})

it('draws one line per holder and target, handles at their device, refusals at what nobody holds', () => {
  const graph = layOutGraph(caps, [refusal(2, session('ses-aaaa', 'A'))])
  expect(graph.isBySession).toBe(false)
  expect(graph.edges.map((one) => `${one.from.key}>${one.to.title}:${one.caps.length}`).sort()).toEqual([
    'p1>net:*:1',
    'p2>fs:0',
    'p2>net:a:443:2',
    'p4>net:a:443:1',
    'p5>exec:1',
  ])
  const refused = graph.edges.find((one) => one.to.title === 'fs')
  expect([refused && refusedCount(refused), refused?.to.kind]).toEqual([2, 'refused'])
  expect(new Set(graph.targets.map((one) => one.y)).size).toBe(graph.targets.length)
})

it('draws sessions instead of processes where there are many, and says how many do not fit', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    cap(index + 1, null, session(`ses-${1000 + Math.floor(index / 3)}`, `S${Math.floor(index / 3)}`)),
  )
  const graph = layOutGraph(many, [])
  expect([graph.isBySession, graph.holders.length, graph.hidden]).toEqual([true, 80, 20])
  expect(graph.edges.every((one) => one.caps.length === 3)).toBe(true)
})
