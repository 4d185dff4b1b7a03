import type { ModelCall } from '@contract/process.ts'
import { expect, it } from 'vitest'
import {
  chooseCalls,
  choosePrices,
  describeCall,
  dialectName,
  durationOf,
  isProblem,
  perMillion,
  sourceText,
  totalsOf,
  totalsText,
} from './models.model.ts'

function call(id: string, more: Partial<ModelCall> = {}): ModelCall {
  return {
    id,
    sessionId: 'ses-aaaa' as never,
    sessionTitle: 'Retry webhooks',
    agent: 'codex',
    dialect: 'openai-responses',
    provider: 'openai-compatible',
    model: 'gpt-5.2',
    isTranslated: false,
    state: 'done',
    startedAtMs: 1000,
    firstByteMs: 300,
    durationMs: 2000,
    inputTokens: 10_000,
    cachedTokens: 4000,
    outputTokens: 500,
    costUsdNanos: 20_000_000,
    source: 'reported',
    status: 200,
    error: null,
    ...more,
  }
}

it('sums what is known and counts what is not', () => {
  const calls = [
    call('a'),
    call('b', {
      state: 'refused',
      inputTokens: null,
      outputTokens: null,
      cachedTokens: null,
      costUsdNanos: null,
    }),
    call('c', { state: 'cut', costUsdNanos: null }),
  ]
  const totals = totalsOf(calls)
  expect(totals).toMatchObject({
    calls: 3,
    inputTokens: 20_000,
    withoutCost: 2,
    refused: 1,
    cut: 1,
    failed: 0,
  })
  expect(totalsText(totals)).toBe(
    '3 calls · in 20k, 8k of it cached, out 1k tokens · $0.02 · 2 without cost · 1 refused · 1 cut',
  )
})

it('never shows unknown costs as nothing', () => {
  const text = totalsText(totalsOf([call('a', { costUsdNanos: null })]))
  expect(text).not.toContain('$')
  expect(text).toContain('1 without cost')
})

it('chooses by provider and by words', () => {
  const calls = [call('a'), call('b', { provider: 'anthropic', model: 'claude', error: 'overloaded' })]
  const ids = (text: string, provider = 'any') => chooseCalls(calls, { text, provider }).map((one) => one.id)
  expect(ids('')).toEqual(['a', 'b'])
  expect(ids('', 'anthropic')).toEqual(['b'])
  expect(ids('webhooks OVERLOADED')).toEqual(['b'])
  expect(ids('gpt', 'anthropic')).toEqual([])
})

it('lets the time run while the answer comes in', () => {
  expect(durationOf(call('a', { state: 'streaming', durationMs: null }), 4000)).toBe(3000)
  expect(durationOf(call('a', { state: 'aborted', durationMs: null }), 4000)).toBeNull()
  expect(durationOf(call('a'), 4000)).toBe(2000)
})

it('marks what went wrong, and reads it out with nothing hidden', () => {
  expect(
    (['done', 'aborted', 'cut', 'refused', 'failed'] as const).map((state) =>
      isProblem(call('a', { state })),
    ),
  ).toEqual([false, false, true, true, true])
  expect(describeCall(call('a', { state: 'failed', error: 'no\u202eway', costUsdNanos: null }))).toBe(
    'failed: gpt-5.2, for Retry webhooks, 10k tokens in, 500 out, cost unknown, took 2 s, no⟦RLO⟧way',
  )
})

it('prints prices as providers do, and dialects by their names', () => {
  expect([perMillion(1750), perMillion(25), perMillion(0), perMillion(75_000)]).toEqual([
    '$1.75',
    '$0.025',
    '$0.00',
    '$75.00',
  ])
  const price = { provider: 'b', model: 'm', input: 1, cachedInput: 1, output: 1 }
  expect(choosePrices([price, { ...price, provider: 'a' }], 'm').map((one) => one.provider)).toEqual([
    'a',
    'b',
  ])
  expect([dialectName('anthropic'), dialectName('new-one')]).toEqual(['Messages', 'new-one'])
})

it('says how the figures are known, also before the answer is over', () => {
  const of = (state: ModelCall['state'], source: ModelCall['source']) =>
    sourceText(call('a', { state, source }))
  expect(of('done', 'reported')).toBe('Reported by the upstream.')
  expect(of('done', 'estimated')).toContain('did not say')
  expect(of('streaming', 'estimated')).toContain('while the answer comes in')
  expect(of('cut', 'estimated')).toContain('up to the cut')
  expect(of('waiting', null)).toBe('Not known yet.')
})
