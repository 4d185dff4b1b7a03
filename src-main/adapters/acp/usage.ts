import type { Usage } from '../../contract/session.ts'
import { countOf, field } from './fields.ts'

/** Tokens of one prompt or of a whole session; null = not told. Input tokens include cached ones. */
export type Tokens = Pick<Usage, 'inputTokens' | 'cachedTokens' | 'outputTokens'>

/** How far the usage in an agent's prompt answer goes: over the whole prompt, or only over its last model call. */
export type UsageScope = 'prompt' | 'last-call'

/**
 * Tokens of a prompt as its answer tells them: `usage` as the protocol names it, or the `quota` of Gemini's extension.
 * undefined = it tells nothing that can be counted on.
 */
export function readPromptUsage(answer: unknown, scope: UsageScope): Tokens | undefined {
  if (scope === 'last-call') return undefined
  return readUsage(field(answer, 'usage')) ?? readQuota(field(field(answer, '_meta'), 'quota'))
}

function readUsage(usage: unknown): Tokens | undefined {
  const input = countOf(field(usage, 'inputTokens'))
  const output = countOf(field(usage, 'outputTokens'))
  if (input === undefined && output === undefined) return undefined
  const read = countOf(field(usage, 'cachedReadTokens'))
  const cached = read === undefined ? undefined : read + (countOf(field(usage, 'cachedWriteTokens')) ?? 0)
  const isCachedApart =
    cached !== undefined && input !== undefined && isApart(usage, { input, cached, output: output ?? 0 })
  return {
    inputTokens: input === undefined ? null : input + (isCachedApart ? cached : 0),
    cachedTokens: cached ?? null,
    outputTokens: output ?? null,
  }
}

/** Some agents count cached tokens apart from the input, some within it: the total tells which. */
function isApart(usage: unknown, known: { input: number; cached: number; output: number }): boolean {
  const total = countOf(field(usage, 'totalTokens'))
  if (total === undefined) return true
  const thoughts = countOf(field(usage, 'thoughtTokens')) ?? 0
  const more = total - known.input - known.output
  return more >= known.cached && more !== thoughts
}

function readQuota(quota: unknown): Tokens | undefined {
  const counts = field(quota, 'token_count')
  const input = countOf(field(counts, 'input_tokens'))
  const output = countOf(field(counts, 'output_tokens'))
  // Answers without a model call carry zeros; so do models that tell no usage.
  if (input === undefined || output === undefined || input + output === 0) return undefined
  return { inputTokens: input, cachedTokens: null, outputTokens: output }
}

/** Money of the whole session so far from a `usage_update`, in nano-dollars; undefined = not told in dollars. */
export function readCost(update: unknown): number | undefined {
  const cost = field(update, 'cost')
  const amount = field(cost, 'amount')
  if (field(cost, 'currency') !== 'USD' || typeof amount !== 'number' || !(amount >= 0)) return undefined
  const nanos = Math.round(amount * 1e9)
  return Number.isSafeInteger(nanos) ? nanos : undefined
}

/** Adds up prompts. A prompt that told nothing makes the sum unknown for good: never a sum with holes. */
export function createUsageSum() {
  let sum: Tokens = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
  return {
    add(prompt: Tokens | undefined): Tokens {
      sum = {
        inputTokens: plus(sum.inputTokens, prompt?.inputTokens),
        cachedTokens: plus(sum.cachedTokens, prompt?.cachedTokens),
        outputTokens: plus(sum.outputTokens, prompt?.outputTokens),
      }
      return sum
    },
  }
}

function plus(left: number | null, right: number | null | undefined): number | null {
  return left === null || right === null || right === undefined ? null : left + right
}
