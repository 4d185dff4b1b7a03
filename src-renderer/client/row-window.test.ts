import type { SessionRow } from '@contract/session.ts'
import { expect, it } from 'vitest'
import { addActivities } from './activity-feed.ts'
import { applyRows } from './row-window.ts'

const row = (id: string, title: string) => ({ id, title }) as SessionRow
const ids = (...names: string[]) => names as SessionRow['id'][]

it('keeps the identity of rows that did not change and drops those that left the window', () => {
  const first = applyRows(
    undefined,
    {
      total: 3,
      atSeq: 1,
      order: ids('a', 'b', 'c'),
      changed: [row('a', '1'), row('b', '1'), row('c', '1')],
      isMore: false,
    },
    0,
  )
  const next = applyRows(
    first,
    { total: 2, atSeq: 2, order: ids('b', 'a'), changed: [row('b', '2')], isMore: false },
    0,
  )
  expect(next.rows.map((one) => one.title)).toEqual(['2', '1'])
  expect(next.rows[1]).toBe(first.rows[0])
  expect(next.total).toBe(2)
})

it('appends activities once, also when a stream starts again', () => {
  const activity = (cursor: number) => ({ cursor, atMs: 0, body: { kind: 'progress' as const, text: 'x' } })
  const log = addActivities({ from: 0, items: [], isComplete: false }, [activity(1), activity(2)])
  const again = addActivities(log, [activity(2), activity(3)])
  expect(again.items.map((one) => one.cursor)).toEqual([1, 2, 3])
  expect(addActivities(again, [activity(1)])).toBe(again)
})
