import { expect, it } from 'vitest'
import { createUsageMeter } from './usage-meter.ts'

const now = () => ({ toolCalls: 3, wallMs: 1000 })

it('sums what was metered and keeps a part unknown once one call did not report it', () => {
  const meter = createUsageMeter('signalbox', null, now)
  meter.settle({ inputTokens: 10, cachedTokens: 4, outputTokens: 5, costUsdNanos: 100 })
  meter.settle({ inputTokens: 20, cachedTokens: 0, outputTokens: 5, costUsdNanos: null })
  meter.settle({ inputTokens: 1, cachedTokens: 0, outputTokens: 1, costUsdNanos: 50 })
  expect(meter.usage()).toEqual({
    inputTokens: 31,
    cachedTokens: 4,
    outputTokens: 11,
    costUsdNanos: null,
    toolCalls: 3,
    wallMs: 1000,
    source: 'metered',
  })
})

it('shows unknown, never 0, until the CLI reports something', () => {
  const meter = createUsageMeter('own-login', null, now)
  expect(meter.usage()).toMatchObject({ inputTokens: null, costUsdNanos: null, source: 'unknown' })
  meter.report({ inputTokens: 7 })
  expect(meter.usage()).toMatchObject({ inputTokens: 7, costUsdNanos: null, source: 'reported' })
})
