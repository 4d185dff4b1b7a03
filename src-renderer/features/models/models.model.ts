import type { ModelCall, ModelPrice } from '@contract/process.ts'
import { isOver } from '../../client/call-feed.ts'
import { formatCount, formatTokens, formatUsd, plural } from '../../format/amounts.ts'
import { formatStep } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import type { LampShape, LampTone } from '../../ui/Lamp.tsx'

type State = ModelCall['state']

const states: Readonly<Record<State, readonly [LampTone, LampShape, string, string]>> = {
  waiting: ['clear', 'disc', 'waits', 'Went out; nothing of the answer is here yet.'],
  streaming: ['clear', 'disc', 'answers', 'The answer is coming in.'],
  done: ['idle', 'tick', 'done', 'Answered in full.'],
  cut: ['caution', 'triangle', 'cut', 'The budget ended in mid-answer.'],
  refused: ['danger', 'square', 'refused', 'Never went out.'],
  failed: ['danger', 'square', 'failed', 'The upstream did not answer as it should.'],
  aborted: ['idle', 'ring', 'left', 'The agent went away before the answer was over.'],
}

/** Lamp, word and sentence of a call. */
export function stateOf(state: State) {
  const [tone, shape, word, sentence] = states[state]
  return { tone, shape, word, sentence }
}

/** Every state with its word, for filters. */
export const stateNames = (Object.keys(states) as State[]).map((state) => [state, states[state][2]] as const)

/** Whether something went wrong with a call. */
export function isProblem(call: ModelCall): boolean {
  return call.state === 'cut' || call.state === 'refused' || call.state === 'failed'
}

/** Text tone of why a call ended as it did. */
export function whyTone(state: State): string {
  if (state === 'aborted') return 'faint'
  return state === 'cut' ? 'caution-text' : 'danger-text'
}

const dialects: Readonly<Record<string, string>> = {
  'openai-chat': 'Chat Completions',
  'openai-responses': 'Responses',
  anthropic: 'Messages',
  gemini: 'Gemini',
  kernel: 'kernel',
}

/** The interface that was asked, by the name its makers give it. */
export function dialectName(dialect: string): string {
  return dialects[dialect] ?? dialect
}

export type Totals = {
  readonly calls: number
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly costUsdNanos: number
  readonly withoutCost: number
  readonly refused: number
  readonly cut: number
  readonly failed: number
}

/** Sums of the calls given; what is not known counts as unknown, never as nothing. */
export function totalsOf(calls: readonly ModelCall[]): Totals {
  const totals = {
    calls: calls.length,
    inputTokens: 0,
    cachedTokens: 0,
    outputTokens: 0,
    costUsdNanos: 0,
    withoutCost: 0,
    refused: 0,
    cut: 0,
    failed: 0,
  }
  for (const call of calls) {
    totals.inputTokens += call.inputTokens ?? 0
    totals.cachedTokens += call.cachedTokens ?? 0
    totals.outputTokens += call.outputTokens ?? 0
    totals.costUsdNanos += call.costUsdNanos ?? 0
    if (call.costUsdNanos === null) totals.withoutCost += 1
    if (call.state === 'refused' || call.state === 'cut' || call.state === 'failed') totals[call.state] += 1
  }
  return totals
}

/** The sums in one line: `240 calls · in 9.1M, 4.2M of it cached, out 391k · $18.20 · 31 without cost`. */
export function totalsText(totals: Totals): string {
  const cached = totals.cachedTokens > 0 ? `, ${formatTokens(totals.cachedTokens)} of it cached` : ''
  const count = (number: number, word: string) => (number > 0 ? `${formatCount(number)} ${word}` : '')
  return [
    plural(totals.calls, 'call'),
    `in ${formatTokens(totals.inputTokens)}${cached}, out ${formatTokens(totals.outputTokens)} tokens`,
    totals.withoutCost === totals.calls ? '' : formatUsd(totals.costUsdNanos),
    count(totals.withoutCost, 'without cost'),
    count(totals.refused, 'refused'),
    count(totals.cut, 'cut'),
    count(totals.failed, 'failed'),
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** Calls of a provider that hold every word; sessions and states are chosen where they are read. */
export function chooseCalls(
  calls: readonly ModelCall[],
  filter: { readonly text: string; readonly provider: string },
): readonly ModelCall[] {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0 && filter.provider === 'any') return calls
  return calls.filter((call) => {
    if (filter.provider !== 'any' && call.provider !== filter.provider) return false
    const text =
      `${call.sessionTitle ?? ''} ${call.agent ?? ''} ${call.model} ${call.provider} ${call.dialect} ${call.error ?? ''} ${call.id}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** Time a call took, or has taken so far. */
export function durationOf(call: ModelCall, nowMs: number): number | null {
  if (call.durationMs !== null) return call.durationMs
  return isOver(call) ? null : Math.max(0, nowMs - call.startedAtMs)
}

const sources: Readonly<Record<NonNullable<ModelCall['source']>, string>> = {
  reported: 'Reported by the upstream.',
  estimated: 'Estimated here: the upstream did not say.',
  disputed: 'The upstream reports something else than was counted here.',
}

/** How the figures of a call are known. */
export function sourceText(call: ModelCall): string {
  if (call.source === null) return 'Not known yet.'
  if (!isOver(call)) return 'Counted here while the answer comes in.'
  if (call.state === 'cut' && call.source === 'estimated') return 'Counted here up to the cut.'
  return sources[call.source]
}

/** A call as a sentence, for screen readers. */
export function describeCall(call: ModelCall): string {
  return [
    `${stateOf(call.state).word}: ${visibleLine(call.model)}`,
    `for ${visibleLine(call.sessionTitle ?? call.sessionId)}`,
    call.inputTokens === null ? 'tokens in unknown' : `${formatTokens(call.inputTokens)} tokens in`,
    call.outputTokens === null ? 'out unknown' : `${formatTokens(call.outputTokens)} out`,
    call.costUsdNanos === null ? 'cost unknown' : formatUsd(call.costUsdNanos),
    call.durationMs === null ? '' : `took ${formatStep(call.durationMs)}`,
    call.error === null ? '' : visibleLine(call.error),
  ]
    .filter((part) => part !== '')
    .join(', ')
}

/** A price per million tokens, as providers print it; from nano-dollars per token. */
export function perMillion(nanosPerToken: number): string {
  const usd = nanosPerToken / 1000
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 3 })}`
}

/** Prices that hold every word, by provider and model. */
export function choosePrices(prices: readonly ModelPrice[], text: string): readonly ModelPrice[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const key = (one: ModelPrice) => `${one.provider} ${one.model}`
  return prices
    .filter((one) => words.every((word) => key(one).toLowerCase().includes(word)))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
