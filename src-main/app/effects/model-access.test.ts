import { expect, it } from 'vitest'
import type { CallOpening, ModelUse } from '../../ports/gateway.ts'
import { createGatewaySession, type Exceeded, overBudget } from './model-access.ts'
import type { KernelDoor } from './session-door.ts'
import { createUsageMeter } from './usage-meter.ts'

const use = (inputTokens: number, outputTokens: number, costUsdNanos: number | null): ModelUse => ({
  inputTokens,
  cachedTokens: 0,
  outputTokens,
  costUsdNanos,
})

const opening: CallOpening = {
  callId: 'c1',
  kind: 'generate',
  provider: 'anthropic',
  model: 'm',
  dialect: 'anthropic',
  estimate: use(10, 0, 100),
}

function session(options: { isFree?: boolean; fits?: number; reason?: string; isAlive?: boolean } = {}) {
  const costs: unknown[] = []
  const refused: string[] = []
  const stops: (() => void)[] = []
  let exceeded: Exceeded | undefined
  const meter = createUsageMeter('signalbox', null, () => ({ toolCalls: 0, wallMs: 0 }))
  const door: KernelDoor = {
    isAlive: options.isAlive ?? true,
    whenRunning: async () => true,
    note: () => undefined,
    open: () => ({ ok: true }),
    charge: () => true,
    settle: () => undefined,
    begin(device, _what, first) {
      costs.push([device, first])
      if (options.reason !== undefined) return { ok: false, reason: options.reason }
      return {
        ok: true,
        operation: {
          grow(total) {
            costs.push(total)
            if ((total.tokens ?? 0) <= (options.fits ?? 1e9)) return { ok: true }
            exceeded = { resource: 'tokens', used: total.tokens ?? 0, limit: options.fits ?? null }
            return { ok: false, reason: 'over_budget' }
          },
          finish: (total) => void costs.push({ booked: total }),
          onStop: (stop) => void stops.push(stop),
        },
      }
    },
  }
  const made = createGatewaySession({
    sessionId: 'ses-1',
    door,
    meter: () => meter,
    isFree: options.isFree ?? false,
    tape: null,
    placeholders: [],
    exceeded: () => exceeded,
    showUsage: () => undefined,
    onRefused: (device) => void refused.push(device),
  })
  return { session: made, costs, refused, meter, stops }
}

it('holds while it streams, cuts where the budget ends, and books what was used', () => {
  const { session: at, costs, meter } = session({ fits: 50 })
  const begun = at.begin(opening)
  if (!begun.ok) throw new Error(begun.sentence)
  expect(begun.operation.progress(use(10, 20, 300))).toEqual({ ok: true })
  expect(meter.usage()).toMatchObject({ inputTokens: 10, outputTokens: 20, costUsdNanos: 300 })
  expect(begun.operation.progress(use(10, 41, 500))).toEqual({
    ok: false,
    cause: 'over_budget',
    sentence: expect.stringContaining('The token budget of this session is used up (50 tokens)') as string,
  })
  begun.operation.end({
    end: 'cut',
    status: 200,
    use: use(11, 41, 510),
    usageSource: 'estimated',
    firstByteMs: 1,
    durationMs: 2,
    requestBytes: 3,
    responseBytes: 4,
    error: null,
  })
  expect(meter.usage()).toMatchObject({ inputTokens: 11, outputTokens: 41, costUsdNanos: 510 })
  expect(costs).toEqual([
    ['model:anthropic/m', { tokens: 10, usdNanos: 100 }],
    { tokens: 30, usdNanos: 300 },
    { tokens: 51, usdNanos: 500 },
    { booked: { tokens: 52, usdNanos: 510 } },
  ])
})

it.each([
  ['not_held', true, 'not_held', ['model:anthropic/m']],
  ['over_budget', false, 'over_budget', []],
  ['process_ended', false, 'ended', []],
])('says why it may not call: %s', (reason, isAlive, cause, told) => {
  const { session: at, refused } = session({ reason, isAlive })
  expect(at.begin(opening)).toMatchObject({ ok: false, cause })
  expect(refused).toEqual(told)
})

it('stops a call whose capability is revoked, and does not count money nobody pays', () => {
  const { session: at, costs, stops } = session({ isFree: true })
  const begun = at.begin(opening)
  if (!begun.ok) throw new Error(begun.sentence)
  let why: unknown
  begun.operation.onStop((stop) => {
    why = stop.cause
  })
  stops[0]?.()
  expect(why).toBe('revoked')
  expect(costs).toEqual([['model:anthropic/m', { tokens: 10 }]])
})

it.each([
  [{ resource: 'usd', used: 1, limit: 1_500_000_000 }, '($1.50)'],
  [{ resource: 'usd', used: 1, limit: 2_500_000 }, '($0.0025)'],
  [{ resource: 'tokens', used: 1, limit: 10_000 }, '(10,000 tokens)'],
  [{ resource: 'wallMs', used: 1, limit: 600_000 }, '(10 min)'],
])('names the limit: %j', (exceeded, words) => {
  expect(overBudget(exceeded)).toContain(words)
})
