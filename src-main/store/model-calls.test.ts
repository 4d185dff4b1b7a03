import { expect, it } from 'vitest'
import type { ModelCall } from '../contract/process.ts'
import { createStore } from './store.ts'

const kept = 50_000

it('sums and lists 50,000 calls without reading them all', () => {
  const store = createStore({ file: ':memory:', newId: () => 'machine1' })
  const states: ModelCall['state'][] = ['done', 'done', 'done', 'failed', 'cut']
  const calls = Array.from(
    { length: kept },
    (_, index): ModelCall => ({
      id: `call-${index}`,
      sessionId: `ses-${String(index % 200).padStart(4, '0')}` as ModelCall['sessionId'],
      sessionTitle: null,
      agent: null,
      dialect: 'anthropic',
      provider: 'anthropic',
      model: 'claude-haiku-4-5',
      isTranslated: false,
      state: states[index % states.length] ?? 'done',
      startedAtMs: index,
      firstByteMs: 1,
      durationMs: 2,
      inputTokens: 3,
      cachedTokens: 1,
      outputTokens: 2,
      costUsdNanos: index % 2 ? 5 : null,
      source: 'reported',
      status: 200,
      error: 'x'.repeat(300),
    }),
  )
  store.transact(() => store.modelCalls.put(calls))
  const quickest = (work: () => unknown): number =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const startedMs = performance.now()
        work()
        return performance.now() - startedMs
      }),
    )
  store.transact(() => store.modelCalls.put(calls.slice(0, 1000)))
  expect(store.modelCalls.totals({})).toMatchObject({
    calls: kept,
    inputTokens: 3 * kept,
    withoutCost: kept / 2,
  })
  const times = {
    totals: quickest(() => store.modelCalls.totals({})),
    ofState: quickest(() => store.modelCalls.totals({ state: 'cut' })),
    ofSession: quickest(() => store.modelCalls.totals({ sessionId: 'ses-0007' })),
    list: quickest(() => store.modelCalls.list({}, undefined, 100)),
    rare: quickest(() => store.modelCalls.list({ state: 'refused' }, undefined, 100)),
    mine: quickest(() => store.modelCalls.list({ sessionId: 'ses-0007' }, undefined, 100)),
  }
  for (const [what, ms] of Object.entries(times)) expect(ms, what).toBeLessThan(8)
  expect(store.modelCalls.trim(kept / 2)).toBe(kept / 2)
  const total = store.modelCalls.totals({})
  const bySession = Array.from({ length: 200 }, (_, index) =>
    store.modelCalls.totals({ sessionId: `ses-${String(index).padStart(4, '0')}` }),
  )
  for (const key of ['calls', 'inputTokens', 'costUsdNanos', 'withoutCost', 'failed', 'cut'] as const)
    expect(total[key], key).toBe(bySession.reduce((sum, one) => sum + one[key], 0))
  store.close()
}, 30_000)
