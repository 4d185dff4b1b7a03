import type { Usage } from '../../contract/session.ts'

type Known = Pick<Usage, 'inputTokens' | 'cachedTokens' | 'outputTokens' | 'costUsdNanos'>
type Key = keyof Known
const keys: readonly Key[] = ['inputTokens', 'cachedTokens', 'outputTokens', 'costUsdNanos']

/** Adds up what a session used. A part that one call did not report stays unknown for the whole: never a sum with holes. */
export function createUsageMeter(
  payment: 'signalbox' | 'own-login' | 'none',
  now: () => { toolCalls: number; wallMs: number },
) {
  let metered: Known | undefined
  let reported: Partial<Known> = {}
  return {
    /** One model call that passed through our hands. */
    settle(use: Known): void {
      const before = metered
      metered = { inputTokens: null, cachedTokens: null, outputTokens: null, costUsdNanos: null }
      for (const key of keys) {
        const sum = before === undefined ? use[key] : add(before[key], use[key])
        metered = { ...metered, [key]: sum }
      }
    },
    /** Totals as the agent itself tells them. */
    report(totals: Partial<Known>): void {
      reported = { ...reported, ...totals }
    },
    usage(): Usage {
      const { toolCalls, wallMs } = now()
      if (metered) return { ...metered, toolCalls, wallMs, source: 'metered' }
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
      const known: Known = {
        inputTokens: null,
        cachedTokens: null,
        outputTokens: null,
        costUsdNanos: null,
        ...reported,
      }
      const isKnown = keys.some((key) => known[key] !== null)
      return { ...known, toolCalls, wallMs, source: isKnown ? 'reported' : 'unknown' }
    },
  }
}

const add = (left: number | null, right: number | null) =>
  left === null || right === null ? null : left + right

export type UsageMeter = ReturnType<typeof createUsageMeter>
