import fc from 'fast-check'
import { expect, test } from 'vitest'
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
  zero,
} from './account.ts'
import { type BudgetChange, changeLimits } from './budget.ts'
import { Hold } from './hold.ts'

const keys = ['toolCalls', 'tokens', 'usdNanos', 'mem', 'children'] as const
const amount = fc.integer({ min: 0, max: 60 })
const cost = fc
  .tuple(amount, amount, amount, amount)
  .map(([calls, tokens, usd, mem]): Amounts => [calls, tokens, usd, mem, 0])
const limit = fc.option(fc.integer({ min: 0, max: 150 }), { nil: undefined })
const quota = fc.record({ toolCalls: limit, tokens: limit, mem: limit, children: limit })
const change: fc.Arbitrary<BudgetChange> = fc
  .record(
    Object.fromEntries(
      keys.map((key) => [key, fc.option(fc.integer({ min: 0, max: 200 }), { nil: null, freq: 3 })]),
    ),
    { requiredKeys: [] },
  )
  .map((made) => made as BudgetChange)
const at = fc.nat(9)

type Op =
  | { readonly op: 'carve'; readonly at: number; readonly quota: object }
  | { readonly op: 'charge' | 'settle' | 'hold'; readonly at: number; readonly cost: Amounts }
  | { readonly op: 'fold' | 'letGo'; readonly at: number }
  | { readonly op: 'change'; readonly at: number; readonly change: BudgetChange }

const step: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('carve' as const), at, quota }),
  fc.record({ op: fc.constantFrom('charge' as const, 'settle' as const, 'hold' as const), at, cost }),
  fc.record({ op: fc.constantFrom('fold' as const, 'letGo' as const), at }),
  { weight: 3, arbitrary: fc.record({ op: fc.constant('change' as const), at, change }) },
)

const walk = (root: Account): Account[] => [root, ...[...root.children].flatMap(walk)]

function carvedBelow(account: Account, r: number): number {
  let sum = 0
  for (const child of account.children) sum += child.has(r) ? (child.limit[r] ?? 0) : carvedBelow(child, r)
  return sum
}

/** What is in the books: limits, spending and reservations, and nothing that was made up on the way. */
function checkLaw(root: Account, booked: Amounts, held: Amounts): void {
  const all = walk(root)
  for (let r = 0; r < RESOURCES; r++) {
    let spent = 0
    let set = 0
    for (const account of all) {
      if (!account.has(r)) {
        expect([account.spent[r], account.reserved[r]]).toEqual([0, 0])
        continue
      }
      const aside = (account.reserved[r] ?? 0) - carvedBelow(account, r)
      expect(aside).toBeGreaterThanOrEqual(0)
      set += aside
      expect(account.available(r)).toBeGreaterThanOrEqual(0)
      expect(account.spent[r]).toBeGreaterThanOrEqual(0)
      spent += account.spent[r] ?? 0
    }
    expect(set).toBe(held[r])
    if (r < MEM) expect(spent + (root.overdraft[r] ?? 0)).toBe(booked[r])
  }
  expect(all.reduce((sum, account) => sum + (account.spent[4] ?? 0), 0)).toBe(all.length - 1)
}

const snapshot = (root: Account) =>
  JSON.stringify(
    walk(root).map(({ limit: of, spent, reserved, overdraft }) => [of, spent, reserved, overdraft]),
  )

/** Everything that one run of operations has made. */
function world(rootQuota: object) {
  const root = openRoot(rootQuota)
  const made: Account[] = [root]
  const mem = new Map<Account, number>()
  const holds = new Map<Account, { hold: Hold; cost: Amounts }>()
  const booked = zero()
  const held = zero()
  const letGo = (account: Account): void => {
    const one = holds.get(account)
    if (!one) return
    holds.delete(account)
    one.hold.release()
    for (let r = 0; r < RESOURCES; r++) held[r] = (held[r] ?? 0) - (one.cost[r] ?? 0)
  }
  const end = (account: Account): void => {
    letGo(account)
    release(account, MEM, mem.get(account) ?? 0)
    fold(account)
  }
  const book = (spent: Amounts): void => {
    for (let r = 0; r < MEM; r++) booked[r] = (booked[r] ?? 0) + (spent[r] ?? 0)
  }
  const setAside = (account: Account, wanted: Amounts): void => {
    if (holds.has(account)) return
    const hold = new Hold(account)
    if (hold.raise(wanted) !== undefined) return
    holds.set(account, { hold, cost: wanted })
    for (let r = 0; r < RESOURCES; r++) held[r] = (held[r] ?? 0) + (wanted[r] ?? 0)
  }
  const refusable = (act: () => void): void => {
    const before = snapshot(root)
    try {
      act()
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(?:EQUOTA|EINVAL)$/)
      expect(snapshot(root)).toBe(before)
    }
  }
  const run = (one: Op): void => {
    const account = made[one.at % made.length] ?? root
    if (one.op === 'settle') {
      const spent: Amounts = [one.cost[0], one.cost[1], one.cost[2], 0, 0]
      const { overrun } = settle(openAccount(account), spent)
      book(spent)
      if (overrun && account !== root && !account.isFolded) end(account)
    }
    if (account.isFolded) return
    if (one.op === 'carve') refusable(() => made.push(carve(account, one.quota)))
    else if (one.op === 'change') refusable(() => changeLimits(account, one.change))
    else if (one.op === 'fold' && account !== root) end(account)
    else if (one.op === 'letGo') letGo(account)
    else if (one.op === 'hold') setAside(account, one.cost)
    else if (one.op === 'charge' && !charge(account, one.cost)) {
      book(one.cost)
      mem.set(account, (mem.get(account) ?? 0) + one.cost[MEM])
    }
  }
  const close = (): void => {
    letGo(root)
    for (const account of made) if (account !== root && !account.isFolded) end(account)
    release(root, MEM, mem.get(root) ?? 0)
  }
  return { root, booked, held, run, close }
}

test('conservation holds while limits are set, raised, lowered and taken away under running processes', () => {
  fc.assert(
    fc.property(quota, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (rootQuota, steps) => {
      const { root, booked, held, run, close } = world(rootQuota)
      for (const one of steps) {
        run(one)
        checkLaw(root, booked, held)
      }
      close()
      checkLaw(root, booked, zero())
      expect(root.spent.slice(MEM)).toEqual([0, 0])
      expect(root.reserved).toEqual([0, 0, 0, 0, 0])
    }),
    { numRuns: 300 },
  )
})

test('a limit that is set and taken away again leaves the pool as it was', () => {
  fc.assert(
    fc.property(cost, cost, fc.integer({ min: 0, max: 100 }), (mine, others, spare) => {
      const root = openRoot({ tokens: 1000 })
      const [own, other] = [carve(root, {}), carve(root, {})]
      charge(own, mine)
      charge(other, others)
      const before = snapshot(root)
      changeLimits(own, { tokens: mine[1] + spare })
      expect(own.available(1)).toBe(spare)
      expect(other.holder(1).available(1)).toBe(1000 - mine[1] - others[1] - spare)
      changeLimits(own, { tokens: null })
      expect(snapshot(root)).toBe(before)
    }),
  )
})
