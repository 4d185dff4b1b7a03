import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { describeEdge, edgeAfter, layOutGraph, leftOutOf, refusedCount } from './graph.model.ts'
import { namesAmong } from './names.model.ts'

function cap(id: number, more: Partial<CapabilityRow> = {}): CapabilityRow {
  return {
    id,
    pid: id,
    processName: `p${id}`,
    sessionId: null,
    sessionTitle: null,
    kind: 'device',
    target: 'exec',
    rights: ['open'],
    parentId: null,
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
const draw = (caps: readonly CapabilityRow[], refusals: readonly RefusalRow[] = []) =>
  layOutGraph(caps, refusals, namesAmong(caps))

it('draws one line per holder and target, handles at their device, refusals at what is not held', () => {
  const caps = [
    cap(1, { target: 'net:*' }),
    cap(2, { target: 'net:a:443', ...session('ses-aaaa', 'A') }),
    cap(3, { kind: 'handle', target: 'net:a:443', pid: 2, ...session('ses-aaaa', 'A') }),
    cap(4, { target: 'net:a:443', ...session('ses-aaaa', 'A') }),
    cap(5, { ...session('ses-bbbb', 'B') }),
  ]
  const graph = draw(caps, [refusal(2, session('ses-aaaa', 'A'))])
  expect(graph.isBySession).toBe(false)
  expect(graph.edges.map((one) => `${one.from.key}>${one.to.title}:${one.caps.length}`).sort()).toEqual([
    'p1>net:*:1',
    'p2>fs:0',
    'p2>net:a:443:2',
    'p4>net:a:443:1',
    'p5>exec:1',
  ])
  const refused = graph.edges.find((one) => one.to.title === 'fs')
  expect([refused && refusedCount(refused), refused?.to.note]).toEqual([2, 'refused'])
  expect(refused && describeEdge(refused)).toContain('has no right on fs, refused 2 times')
  expect(new Set(graph.targets.map((one) => one.y)).size).toBe(graph.targets.length)
  expect(leftOutOf(graph)).toBe('')
})

it('draws what sessions hold of their own workareas as one, and a foreign one by whose it is', () => {
  const [one, two] = ['workarea:wka-aaaaaaaaaaaaaaaa', 'workarea:wka-bbbbbbbbbbbbbbbb']
  const graph = draw([
    cap(1, { target: one, ...session('ses-aaaa', 'A') }),
    cap(2, { target: two, ...session('ses-bbbb', 'B') }),
    cap(3, { kind: 'handle', target: one, pid: 2, ...session('ses-bbbb', 'B') }),
  ])
  expect(graph.targets.map((target) => target.title)).toEqual(['its own workarea', 'workarea of A'])
  expect(graph.targets[0]?.devices).toEqual([one, two])
  expect(graph.targets[1]?.devices).toEqual([one])
  expect(graph.edges.map((edge) => `${edge.from.title}>${edge.to.title}`)).toEqual([
    'A>its own workarea',
    'B>its own workarea',
    'B>workarea of A',
  ])
})

it('keeps every place when something is used, and orders kinds as people look for them', () => {
  const caps = ['tool:b', 'net:x:1', 'tool:a', 'runtime:acp', 'model:m', 'kv'].map((target, at) =>
    cap(at + 1, { target, pid: 1 }),
  )
  const before = draw(caps)
  expect(before.targets.map((one) => one.title)).toEqual([
    'runtime:acp',
    'model:m',
    'tool:a',
    'tool:b',
    'net:x:1',
    'kv',
  ])
  const used = draw(caps.map((one) => ({ ...one, uses: one.id * 7, lastUsedAtMs: 5 })))
  expect(used.targets).toEqual(before.targets)
  expect(used.holders).toEqual(before.holders)
})

it('draws sessions instead of processes where there are many, and says what it leaves out', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    cap(index + 1, session(`ses-${1000 + Math.floor(index / 3)}`, `S${Math.floor(index / 3)}`)),
  )
  const graph = draw(many, [refusal(300, session('ses-1099', 'S99'))])
  expect([graph.isBySession, graph.holders.length, graph.hidden.holders]).toEqual([true, 80, 20])
  expect(graph.holders.some((one) => one.title === 'S99')).toBe(true)
  expect(leftOutOf(graph)).toBe('Not drawn: 20 sessions. Pick a session, filter, or look at the table.')
  const hosts = Array.from({ length: 200 }, (_, at) => cap(at + 1, { pid: 1, target: `net:h${at}:443` }))
  const wide = draw(hosts, [refusal(1, { device: 'net:zzz:443' })])
  expect([wide.targets.length, wide.edges.length]).toEqual([80, 80])
  expect(wide.targets.some((one) => one.title === 'net:zzz:443')).toBe(true)
  expect(leftOutOf(wide)).toContain('121 things that they may use')
})

it('goes from line to line and from holder to holder', () => {
  const { edges } = draw(
    ['a', 'b', 'c'].flatMap((target, at) => [1, 2, 3].map((pid) => cap(at * 3 + pid, { target, pid }))),
  )
  const go = (from: number, key: string) =>
    edges.indexOf(edgeAfter(edges, from, key) as (typeof edges)[number])
  expect(['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'].map((key) => go(4, key))).toEqual([
    5, 3, 6, 3, 0, 8,
  ])
  expect([go(3, 'PageUp'), go(0, 'PageUp'), go(7, 'PageDown'), go(8, 'ArrowDown'), go(0, 'ArrowUp')]).toEqual(
    [0, 0, 8, 8, 0],
  )
  expect(edgeAfter(edges, 0, 'x')).toBeUndefined()
  expect(edgeAfter([], -1, 'PageDown')).toBeUndefined()
})

it('draws no more of five thousand capabilities than can be read', () => {
  const caps = Array.from({ length: 5000 }, (_, at) =>
    cap(at + 1, {
      pid: 2 + Math.floor(at / 10),
      target: at % 10 === 0 ? `workarea:wka-${String(at).padStart(16, '0')}` : `tool:t${at % 10}`,
      ...session(`ses-${Math.floor(at / 10)}`, `S${Math.floor(at / 10)}`),
    }),
  )
  expect(draw(caps).edges.length).toBe(800)
})
