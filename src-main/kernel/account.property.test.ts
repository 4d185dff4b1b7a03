import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Quota } from './abi.ts'
import {
  type Account,
  type Amounts,
  carve,
  charge,
  fold,
  MEM,
  openAccount,
  openRoot,
  RESOURCES,
  release,
  settle,
  toNanos,
  zero,
} from './account.ts'

type Op =
  | { readonly op: 'carve'; readonly at: number; readonly quota: Quota }
  | { readonly op: 'charge' | 'settle'; readonly at: number; readonly cost: Amounts }
  | { readonly op: 'fold'; readonly at: number }

const amount = fc.integer({ min: 0, max: 60 })
const cost = fc
  .tuple(amount, amount, amount, amount)
  .map(([calls, tokens, usd, mem]): Amounts => [calls, tokens, usd, mem, 0])
const limit = fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined })
const quota = fc.record({
  toolCalls: limit,
  tokens: limit,
  usd: fc.option(
    fc.integer({ min: 0, max: 200 }).map((nanos) => nanos / 1e9),
    { nil: undefined },
  ),
  mem: limit,
  children: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
})
const at = fc.nat(9)
const step: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('carve' as const), at, quota }),
  fc.record({
    op: fc.constant('carve' as const),
    at,
    quota: fc.record({ tokens: fc.integer({ min: 1, max: 20 }) }),
  }),
  fc.record({ op: fc.constantFrom('charge' as const, 'settle' as const), at, cost }),
  fc.record({ op: fc.constant('fold' as const), at }),
)

function walk(root: Account): Account[] {
  return [root, ...[...(root.children ?? [])].flatMap(walk)]
}

/** Limits of the nearest carved descendants: what an account must hold in reserve. */
function carvedBelow(account: Account, r: number): number {
  let sum = 0
  for (const child of account.children ?? [])
    sum += child.has(r) ? (child.limit[r] ?? 0) : carvedBelow(child, r)
  return sum
}

function checkLaw(root: Account, booked: Amounts): void {
  const all = walk(root)
  for (let r = 0; r < RESOURCES; r++) {
    let spent = 0
    for (const account of all) {
      if (!account.has(r)) {
        expect([account.spent[r], account.reserved[r]]).toEqual([0, 0])
        continue
      }
      expect(account.reserved[r]).toBe(carvedBelow(account, r))
      expect(account.available(r)).toBeGreaterThanOrEqual(0)
      expect(account.spent[r]).toBeGreaterThanOrEqual(0)
      spent += account.spent[r] ?? 0
    }
    if (r < MEM) expect(spent + (root.overdraft[r] ?? 0)).toBe(booked[r])
  }
  expect(all.reduce((sum, account) => sum + (account.spent[4] ?? 0), 0)).toBe(all.length - 1)
}

function snapshot(root: Account): string {
  return JSON.stringify(
    walk(root).map(({ limit, spent, reserved, overdraft }) => [limit, spent, reserved, overdraft]),
  )
}

test('invariants 10, 11, 12, 14, 16: conservation holds under arbitrary carving, charging, overrunning and ending', () => {
  fc.assert(
    fc.property(quota, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (rootQuota, steps) => {
      const root = openRoot(rootQuota)
      const made: Account[] = [root]
      const mem = new Map<Account, number>()
      const booked = zero()
      const end = (account: Account): void => {
        release(account, MEM, mem.get(account) ?? 0)
        fold(account)
      }
      for (const one of steps) {
        const account = made[one.at % made.length]!
        if (one.op === 'carve') {
          const before = snapshot(root)
          try {
            if (!account.isFolded) made.push(carve(account, one.quota))
          } catch (error) {
            expect(error).toMatchObject({ code: 'EQUOTA' })
            expect(snapshot(root)).toBe(before)
          }
        } else if (one.op === 'fold') {
          if (account !== root && !account.isFolded) end(account)
        } else if (one.op === 'charge') {
          const before = snapshot(root)
          if (account.isFolded) continue
          if (charge(account, one.cost)) expect(snapshot(root)).toBe(before)
          else {
            for (let r = 0; r < MEM; r++) booked[r] = (booked[r] ?? 0) + (one.cost[r] ?? 0)
            mem.set(account, (mem.get(account) ?? 0) + one.cost[MEM])
          }
        } else {
          const spend: Amounts = [one.cost[0], one.cost[1], one.cost[2], 0, 0]
          const { overrun } = settle(openAccount(account), spend)
          for (let r = 0; r < MEM; r++) booked[r] = (booked[r] ?? 0) + (spend[r] ?? 0)
          if (overrun && account !== root && !account.isFolded) end(account)
        }
        checkLaw(root, booked)
      }
      for (const account of made) if (account !== root && !account.isFolded) end(account)
      release(root, MEM, mem.get(root) ?? 0)
      checkLaw(root, booked)
      expect(root.spent.slice(MEM)).toEqual([0, 0])
      expect(root.reserved).toEqual([0, 0, 0, 0, 0])
    }),
    { numRuns: 300 },
  )
})

test('invariant 13: a carve that runs and ends without use restores its parent exactly', () => {
  fc.assert(
    fc.property(quota, quota, (rootQuota, childQuota) => {
      const root = openRoot(rootQuota)
      const before = snapshot(root)
      try {
        fold(carve(root, childQuota))
      } catch {
        // Refused: equally without effect.
      }
      expect(snapshot(root)).toBe(before)
    }),
  )
})

test('nano-dollars survive the way through floating dollars', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (nanos) => {
      expect(toNanos(nanos / 1e9, Math.floor)).toBe(nanos)
      expect(toNanos(nanos / 1e9, Math.ceil)).toBe(nanos)
    }),
  )
})
