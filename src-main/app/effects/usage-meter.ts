import type { Usage } from '../../contract/session.ts'

type Known = Pick<Usage, 'inputTokens' | 'cachedTokens' | 'outputTokens' | 'costUsdNanos'>
type Key = keyof Known
const keys: readonly Key[] = ['inputTokens', 'cachedTokens', 'outputTokens', 'costUsdNanos']

/** Adds up what a session used, going on from what an earlier process of it used (`before`). A part that one call did not report stays unknown for the whole: never a sum with holes. */
export function createUsageMeter(
  payment: 'signalbox' | 'own-login' | 'none',
  before: Usage | null,
  now: () => { toolCalls: number; wallMs: number },
) {
  let metered: Known | undefined = before?.source === 'metered' && payment !== 'none' ? before : undefined
  let reported: Partial<Known> = before?.source === 'reported' ? before : {}
  return {
    /** One model call that passed through our hands. */
    settle(use: Known): void {
      const sums = metered
      metered = { inputTokens: null, cachedTokens: null, outputTokens: null, costUsdNanos: null }
      for (const key of keys) {
        const sum = sums === undefined ? use[key] : add(sums[key], use[key])
        metered = { ...metered, [key]: sum }
      }
    },
    /** Totals as the agent itself tells them. */
    report(totals: Partial<Known>): void {
      reported = { ...reported, ...totals }
    },
    usage(): Usage {
      const { toolCalls, wallMs } = now()
      if (metered) {
        const cost = payment === 'none' ? 0 : metered.costUsdNanos
        return { ...pick(metered), costUsdNanos: cost, toolCalls, wallMs, source: 'metered' }
      }
      if (payment === 'none') {
        return {
          inputTokens: 0,
          cachedTokens: 0,
          outputTokens: 0,
          costUsdNanos: 0,
          toolCalls,
          wallMs,
          source: 'metered',
        }
      }
      const known = pick(reported)
      const isKnown = keys.some((key) => known[key] !== null)
      return { ...known, toolCalls, wallMs, source: isKnown ? 'reported' : 'unknown' }
    },
  }
}

/** Only the four parts, whatever else came along. */
function pick<T extends Partial<Known>>({
  inputTokens = null,
  cachedTokens = null,
  outputTokens = null,
  costUsdNanos = null,
}: T): Known {
  return { inputTokens, cachedTokens, outputTokens, costUsdNanos }
}

const add = (left: number | null, right: number | null) =>
  left === null || right === null ? null : left + right

export type UsageMeter = ReturnType<typeof createUsageMeter>
