import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import type { CallRow } from '../ports/gateway.ts'
import { createCallLine } from './call-line.ts'
import { createSessionKeys } from './session-keys.ts'

it('knows the keys it issued, until they are revoked', () => {
  const keys = createSessionKeys<{ id: string }>(randomBytes)
  const [one, two] = [{ id: 'one' }, { id: 'two' }]
  const key = keys.issue(one)
  const second = keys.issue(one)
  keys.restore('sbx-of-an-earlier-run', two)
  expect(key).toMatch(/^sbx-[\w-]{43}$/)
  expect(new Set([key, second]).size).toBe(2)
  expect([keys.sessionOf(key), keys.sessionOf(second), keys.sessionOf('sbx-of-an-earlier-run')]).toEqual([
    one,
    one,
    two,
  ])
  for (const wrong of ['', 'x', key.slice(1), `${key}=`, key.toUpperCase()])
    expect(keys.sessionOf(wrong)).toBeUndefined()
  keys.revoke(one)
  expect([keys.sessionOf(key), keys.sessionOf(second), keys.sessionOf('sbx-of-an-earlier-run')]).toEqual([
    undefined,
    undefined,
    two,
  ])
  expect(JSON.stringify(keys)).not.toContain(key)
})

it('shows a call at once when its state changes, its numbers four times a second, and its end', () => {
  let nowMs = 0
  const timers = new Set<{ atMs: number; fn: () => void }>()
  const clock = {
    nowMs: () => nowMs,
    after(ms: number, fn: () => void) {
      const timer = { atMs: nowMs + ms, fn }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  }
  function pass(ms: number): void {
    nowMs += ms
    for (const timer of [...timers]) {
      if (timer.atMs > nowMs) continue
      timers.delete(timer)
      timer.fn()
    }
  }
  const rows: CallRow[] = []
  const first: CallRow = {
    id: 'c',
    sessionId: 's',
    dialect: 'anthropic',
    provider: null,
    model: 'm',
    isReplay: false,
    state: 'waiting',
    startedAtMs: 0,
    firstByteMs: null,
    durationMs: null,
    inputTokens: 0,
    cachedTokens: 0,
    outputTokens: 0,
    costUsdNanos: null,
    usageSource: 'estimated',
    status: null,
    error: null,
  }
  const line = createCallLine(first, (row) => void rows.push(row), clock)
  line.change({ state: 'streaming' })
  expect(rows.map(({ state }) => state)).toEqual(['waiting', 'streaming'])
  for (let count = 1; count <= 100; count++) {
    pass(10)
    line.change({ outputTokens: count })
  }
  expect(rows.length).toBeGreaterThanOrEqual(5)
  expect(rows.length).toBeLessThanOrEqual(6)
  line.change({ outputTokens: 101 })
  line.close()
  expect(rows.at(-1)?.outputTokens).toBe(101)
  expect(timers.size).toBe(0)
})
