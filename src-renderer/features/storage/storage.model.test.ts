import type { StorageItem } from '@contract/settings.ts'
import { expect, it } from 'vitest'
import { groupItems, sumBytes } from './storage.model.ts'

const item = (id: string, kind: StorageItem['kind'], sizeBytes: number): StorageItem => ({
  id,
  kind,
  path: id,
  sizeBytes,
  projectId: null,
  sessionId: null,
  title: id,
  isReclaimable: true,
  why: '',
  lastUsedMs: null,
})

it('puts what weighs most on top', () => {
  const groups = groupItems([
    item('a', 'log', 5),
    item('b', 'workarea', 3),
    item('c', 'workarea', 9),
    item('d', 'recording', 4),
  ])
  expect(groups.map((one) => one.name)).toEqual(['Workareas', 'Logs', 'Recordings'])
  expect(groups[0]!.items.map((one) => one.id)).toEqual(['c', 'b'])
  expect(sumBytes([])).toBe(0)
})
