import type { ModelPrice, ModelUse, UsageSource } from '../ports/gateway.ts'

/**
 * Bytes of text that make one token on average. Real tokenizers give 3 to 5 for prose and code; it is an estimate and is
 * called one wherever it shows.
 */
const bytesPerToken = 4
/** No model takes more input, or gives more output, than this in one call: higher figures are not believed. */
const mostInputTokens = 10_000_000
const mostOutputTokens = 1_000_000
/** How far below our own count a report may be. Input compresses well (white space, repetition), output hardly. */
const inputMargin = 32
const outputMargin = 8
/** Below this many tokens of our own count nothing is disputed. */
const leastToDispute = 256

/** What an upstream said, as it came: nothing is believed yet. Absent = it did not say. Input includes cached tokens. */
export interface Report {
  readonly input?: unknown
  readonly cached?: unknown
  readonly cacheWrite?: unknown
  readonly output?: unknown
}

export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

/** Money of a use in nano-dollars, or null when the price is not known. */
export function costOf(
  use: { input: number; cached: number; cacheWrite: number; output: number },
  price: ModelPrice | undefined,
): number | null {
  if (!price) return null
  const fresh = use.input - use.cached - use.cacheWrite
  const cost =
    fresh * price.input +
    use.cached * price.cachedInput +
    use.cacheWrite * (price.cacheWrite ?? price.input) +
    use.output * price.output
  return Math.round(cost)
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
}

/** Counts what one call uses: our own estimate until the upstream reports, then what it says as far as that can be true. */
export interface Meter {
  /** Text that the model has put out: answer, reasoning, arguments. */
  text(text: string): void
  /** A report in mid-stream, cumulative: a later one replaces an earlier one field by field. */
  report(report: Report): void
  /** The answer has come to its end: its last report is the last word now. Until then the higher of report and count is. */
  complete(): void
  /** So far. */
  use(): ModelUse
  source(): UsageSource
  /** Nothing is to be paid: the upstream never worked on it. */
  waive(): void
}

export function createMeter(estimatedInput: number, price: ModelPrice | undefined): Meter {
  let seenBytes = 0
  let last: Report = {}
  let isWaived = false
  let isComplete = false
  const counted = () => estimateTokens(seenBytes)
  const isInputTrue = () =>
    isCount(last.input, mostInputTokens) && !isFarBelow(last.input, estimatedInput, inputMargin)
  const isOutputTrue = () =>
    isCount(last.output, mostOutputTokens) && !isFarBelow(last.output, counted(), outputMargin)
  function output(): number {
    if (isComplete) return isOutputTrue() ? Number(last.output) : counted()
    return isCount(last.output, mostOutputTokens) ? Math.max(last.output, counted()) : counted()
  }
  return {
    text(text) {
      seenBytes += Buffer.byteLength(text)
    },
    report(report) {
      last = { ...last, ...report }
    },
    complete() {
      isComplete = true
    },
    use() {
      if (isWaived)
        return { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: price ? 0 : null }
      const input = isInputTrue() ? Number(last.input) : estimatedInput
      const used = { input, output: output(), ...cacheOf(last, input) }
      return {
        inputTokens: input,
        cachedTokens: used.cached,
        outputTokens: used.output,
        costUsdNanos: costOf(used, price),
      }
    },
    source() {
      if (isWaived) return 'reported'
      const isOutputFinal = isComplete ? isOutputTrue() : null
      return sourceOf(last, isInputTrue(), isOutputFinal)
    },
    waive() {
      isWaived = true
    },
  }
}

function cacheOf(last: Report, input: number): { cached: number; cacheWrite: number } {
  const cached = isCount(last.cached, input) ? last.cached : 0
  const cacheWrite = isCount(last.cacheWrite, input - cached) ? last.cacheWrite : 0
  return { cached, cacheWrite }
}

/** `isOutputTrue` null: the answer was not complete, so that no report about its output is the last word. */
function sourceOf(last: Report, isInputTrue: boolean, isOutputTrue: boolean | null): UsageSource {
  const isSaid = (value: unknown) => value !== undefined && value !== null
  const isInputLie = isSaid(last.input) && !isInputTrue
  const isOutputLie = isSaid(last.output) && isOutputTrue === false
  const hasBadCache = isSaid(last.input) && isSaid(last.cached) && !isCount(last.cached, Number(last.input))
  if (isInputLie || isOutputLie || hasBadCache) return 'disputed'
  return isSaid(last.input) && isSaid(last.output) && isOutputTrue !== null ? 'reported' : 'estimated'
}

function isFarBelow(said: number, counted: number, margin: number): boolean {
  return counted > leastToDispute && said * margin < counted
}
