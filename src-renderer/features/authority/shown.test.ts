import type { CapabilityRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { type AuthorityData, changesBetween, notListedOf, pickedOf, showFor, summaryOf } from './shown.ts'

const cap = (id: number, more: Partial<CapabilityRow> = {}): CapabilityRow => ({
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
})

const data = (ids: readonly number[], total = ids.length): AuthorityData => ({
  capabilities: ids.map((id) => cap(id, { parentId: id === 1 ? null : 1 })),
  refusals: [],
  total,
  atMs: 0,
})
const all = { text: '', sessionId: null, folded: new Set<number>() }

it('says what is there and not listed, and nothing when all is', () => {
  expect(notListedOf(undefined)).toBe('')
  expect(notListedOf(data([1, 2]))).toBe('')
  expect(notListedOf(data([1, 2], 36_453))).toBe(
    'The first 2 of 36,453 are listed. Pick a session or filter to find the others.',
  )
  expect(summaryOf(data([1, 2], 36_453), false)).toBe('36,453 capabilities')
})

it('tells what came and went while the order is held', () => {
  const before = data([1, 2, 3])
  expect(changesBetween(before, before)).toBe('')
  expect(changesBetween(before, data([1, 2, 3]))).toBe('')
  expect(changesBetween(before, data([1, 3, 4, 5]))).toBe('order held · 2 new · 1 gone')
  expect(changesBetween(undefined, before)).toBe('')
})

it('leaves what the fleet itself holds out of the graph, and picks by line, by row and by capability', () => {
  const known = data([1, 2, 3])
  const shown = showFor(known, all, true)
  expect(shown.graph?.edges.map((one) => one.from.key)).toEqual(['p2', 'p3'])
  const [edge] = shown.graph?.edges ?? []
  expect(pickedOf(shown, known.capabilities, edge?.key ?? null)?.cap?.id).toBe(2)
  expect(pickedOf(shown, known.capabilities, 'c1')?.cap?.id).toBe(1)
  expect(pickedOf(shown, known.capabilities, 'c99')).toBeNull()
})
