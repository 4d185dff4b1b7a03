import { expect, it } from 'vitest'
import { addStale, isMadeStale, type StaleRoots } from './invalidation.ts'

const none: StaleRoots = new Map()

it('touches the lists, and only the session that a fact is about', () => {
  const stale = addStale(none, 'session.started', 'session:ses-aaaa')
  expect(isMadeStale(['fleet', 'overview', {}], stale)).toBe(true)
  expect(isMadeStale(['session', 'get', { sessionId: 'ses-aaaa' }], stale)).toBe(true)
  expect(isMadeStale(['session', 'get', { sessionId: 'ses-bbbb' }], stale)).toBe(false)
  expect(isMadeStale(['settings', 'get', {}], stale)).toBe(false)
})

it('never touches what streams keep fresh', () => {
  const stale = addStale(none, 'workarea.changed', 'session:ses-aaaa')
  expect(isMadeStale(['fleet', 'rows', {}], stale)).toBe(false)
  expect(isMadeStale(['session', 'follow', { sessionId: 'ses-aaaa' }], stale)).toBe(false)
})

it('joins facts of several sessions, and a daemon fact concerns all', () => {
  const two = addStale(
    addStale(none, 'session.paused', 'session:ses-aaaa'),
    'session.paused',
    'session:ses-bbbb',
  )
  expect(isMadeStale(['session', 'get', { sessionId: 'ses-bbbb' }], two)).toBe(true)
  const all = addStale(two, 'daemon.reconciled', 'daemon:m1')
  expect(isMadeStale(['session', 'get', { sessionId: 'ses-cccc' }], all)).toBe(true)
})

it('refreshes the lists for facts of a newer daemon', () => {
  expect(isMadeStale(['session', 'list', {}], addStale(none, 'toString', 'daemon:m1'))).toBe(true)
})
