import type { DriverCost } from '../abi.ts'

/** What the one device of the generated programs does with a request; the same for the kernel's driver and the model's. */

export const DEVICE = 'dev'
/** Milliseconds: everything but the device's answers happens at multiples of it. */
export const TICK = 10_000
export const PREPAID: DriverCost = { toolCalls: 1 }

/** Believable and hostile reports. */
const COSTS: readonly unknown[] = [
  undefined,
  { tokens: 3 },
  { tokens: 9, usd: 2e-9 },
  { tokens: 40 },
  { usd: 1.5e-9 },
  { toolCalls: 2, reductions: 5 },
  { reductions: 9 },
  { tokens: Number.NaN },
  { tokens: -5 },
  { usd: Number.POSITIVE_INFINITY },
  { toolCalls: 1.5 },
  { usd: 1e300 },
  'cheap',
  { tokens: '4' },
]

export interface Behaviour {
  /** 0: answers at once, without a promise. */
  readonly delayMs: number
  readonly isThrown: boolean
  readonly result: unknown
}

/** How a request is answered. `serial` counts driver calls: no two answers that take time come at the same moment. */
export function behave(request: unknown, serial: number): Behaviour {
  const { cost, delay, how } = request as { cost: number; delay: number; how: number }
  const report = COSTS[cost % COSTS.length]
  const delayMs = delay > 0 ? delay * TICK + uniqueFraction(serial) : 0
  if (how === 0) return { delayMs, isThrown: true, result: { cost: report } }
  if (how === 1) return { delayMs, isThrown: false, result: 'nonsense' }
  if (how === 2) return { delayMs, isThrown: false, result: { value: () => 0, cost: report } }
  return { delayMs, isThrown: false, result: { value: { how, serial }, cost: report } }
}

/** Less than a tick, in eighths of a millisecond: binary fractions, which no clock has to round. */
export function uniqueFraction(serial: number): number {
  return (1 + ((Math.imul(serial, 2_654_435_761) >>> 0) % 79_999)) / 8
}

/** A report as the kernel must read it: amounts of tool calls, tokens, nano-dollars, and reductions; or disbelief. */
export function believe(cost: unknown): { amounts: number[]; reductions: number } | undefined {
  if (cost === undefined) return { amounts: [0, 0, 0], reductions: 0 }
  if (typeof cost !== 'object' || cost === null) return undefined
  const { tokens = 0, toolCalls = 0, usd = 0, reductions = 0 } = cost as Record<string, unknown>
  const nanos = typeof usd === 'number' ? Math.ceil(Math.round(usd * 1e12) / 1e3) : Number.NaN
  const amounts = [toolCalls, tokens, nanos, reductions] as number[]
  if (!amounts.every((one) => Number.isSafeInteger(one) && one >= 0)) return undefined
  return { amounts: amounts.slice(0, 3), reductions: reductions as number }
}
