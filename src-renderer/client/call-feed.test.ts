import type { ModelCall } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { addCalls, joinCalls } from './call-feed.ts'

const call = (id: string, state: ModelCall['state'], startedAtMs: number, sessionId = 'ses-aaaa') =>
  ({ id, state, startedAtMs, sessionId }) as ModelCall
const any = { sessionId: null, state: null }
const live = (...calls: ModelCall[]) => new Map(calls.map((one) => [one.id, one]))

it('shows the newest first, whoever told of them', () => {
  const joined = joinCalls([call('b', 'done', 2), call('a', 'done', 1)], live(call('c', 'streaming', 3)), any)
  expect(joined.map((one) => one.id)).toEqual(['c', 'b', 'a'])
})

it('never lets an ended call come back to life', () => {
  const joined = joinCalls([call('a', 'cut', 1)], live(call('a', 'streaming', 1)), any)
  expect(joined[0]?.state).toBe('cut')
  expect(joinCalls([call('a', 'waiting', 1)], live(call('a', 'done', 1)), any)[0]?.state).toBe('done')
})

it('drops what no longer matches', () => {
  const read = [call('a', 'streaming', 1)]
  expect(joinCalls(read, live(call('a', 'done', 1)), { ...any, state: 'streaming' })).toEqual([])
  expect(
    joinCalls(read, live(call('b', 'done', 2, 'ses-bbbb')), { ...any, sessionId: 'ses-aaaa' }).length,
  ).toBe(1)
})

it('keeps so many and no more, the latest told of', () => {
  let calls = addCalls(new Map(), [call('a', 'streaming', 1), call('b', 'streaming', 2)], 2)
  calls = addCalls(calls, [call('a', 'done', 1), call('c', 'waiting', 3)], 2)
  expect([...calls.keys()]).toEqual(['a', 'c'])
})
