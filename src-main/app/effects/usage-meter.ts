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
  const underWay = new Map<string, Known>()
  const settle = (use: Known): void => {
    metered = addAll(metered, use)
  }
  return {
    /** What a call that goes on has used so far. */
    progress(callId: string, use: Known): void {
      underWay.set(callId, pick(use))
    },
    /** What a call used that is over. */
    end(callId: string, use: Known): void {
      underWay.delete(callId)
      // A call that never went out leaves nothing, not even an unknown cost.
      if (use.inputTokens !== 0 || use.outputTokens !== 0) settle(pick(use))
    },
    /** One model call that passed through our hands. */
    settle,
    /** Totals as the agent itself tells them. */
    report(totals: Partial<Known>): void {
      reported = { ...reported, ...totals }
    },
    usage(): Usage {
      const { toolCalls, wallMs } = now()
      let sum = metered
      for (const use of underWay.values()) sum = addAll(sum, use)
      if (sum) {
        const cost = payment === 'none' ? 0 : sum.costUsdNanos
        return { ...pick(sum), costUsdNanos: cost, toolCalls, wallMs, source: 'metered' }
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

function addAll(sum: Known | undefined, use: Known): Known {
  if (sum === undefined) return pick(use)
  return {
    inputTokens: add(sum.inputTokens, use.inputTokens),
    cachedTokens: add(sum.cachedTokens, use.cachedTokens),
    outputTokens: add(sum.outputTokens, use.outputTokens),
    costUsdNanos: add(sum.costUsdNanos, use.costUsdNanos),
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
