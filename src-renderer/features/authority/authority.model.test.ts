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
  refreshed,
  sessionsIn,
  stateOf,
} from './authority.model.ts'
import { namesAmong } from './names.model.ts'

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
  const rows = arrangeRefused(
    [refusal(1), refusal(2, { lastAtMs: 90, what: 'a\u202eb' })],
    all,
    namesAmong([]),
  )
  expect(rows.map((one) => (one.kind === 'refused' ? one.refusal.pid : 0))).toEqual([2, 1])
  expect(describeRow(rows[0] as (typeof rows)[number], 100)).toContain('a⟦RLO⟧b')
  const [plain] = arrangeRefused([refusal(1, { reason: 'not_held' })], all, namesAmong([]))
  expect(plain && describeRow(plain, 100)).toContain('It holds no capability for it.')
})

it('offers every session that holds or was refused something', () => {
  expect(sessionsIn(caps, [refusal(9, session('ses-cccc', 'C\u0000'))])).toEqual([
    ['ses-aaaa', 'A'],
    ['ses-bbbb', 'B'],
    ['ses-cccc', 'C\\x00'],
  ])
})

const area = 'workarea:wka-2e4t5hi2se64me4l'
const areas = [
  cap(1, null, { target: area }),
  cap(2, 1, {
    target: area,
    pid: 5,
    processName: 'session ses-aaaa',
    ...session('ses-aaaa', 'Retry webhooks'),
  }),
  cap(3, 2, { target: area, pid: 6, processName: 'session ses-bbbb', ...session('ses-bbbb', 'Another') }),
  cap(4, null, { kind: 'process', target: '6', pid: 5, ...session('ses-aaaa', 'Retry webhooks') }),
]

it('says whose workarea it is, and finds it by that as well as by its id', () => {
  const namesOf = (text: string) =>
    arrangeHeld(areas, { ...all, text }).flatMap((row) =>
      row.kind === 'held' && !row.isPath ? [`${row.cap.id} ${row.name}`] : [],
    )
  expect(namesOf('workarea')).toEqual([
    '1 workarea of Retry webhooks',
    '2 its workarea',
    '3 workarea of Retry webhooks',
  ])
  expect(namesOf('wka-2e4t5hi2se64me4l')).toHaveLength(3)
  expect(namesOf('of retry')).toEqual(namesOf('workarea'))
  expect(namesOf('process another')).toEqual(['4 Another'])
  expect(consequencesOf(areas[1] as CapabilityRow, areas, true)[0]).toBe(
    'Retry webhooks can no longer use its workarea.',
  )
})

it('shows what is found below what was folded', () => {
  expect(outline({ folded: new Set([2]), text: 'handle net' })).toEqual(['1?', '-2?', '--3'])
})

it('keeps an order that is held, with the figures of now, and says what has gone', () => {
  const before = arrangeHeld(caps, all)
  const rows = refreshed(before, { capabilities: [cap(2, 1, { uses: 9 })], refusals: [] })
  expect(rows.map((row) => row.key)).toEqual(before.map((row) => row.key))
  const second = rows.find((row) => row.key === 'c2')
  expect(second).toMatchObject({ isGone: false, cap: { uses: 9 } })
  expect(rows.filter((row) => row.kind === 'held' && row.isGone)).toHaveLength(4)
  expect(describeRow(rows[0] as (typeof rows)[number], 0)).toContain('gone')
})
