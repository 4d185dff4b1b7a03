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

const walk = (root: Account): Account[] => [root, ...[...(root.children ?? [])].flatMap(walk)]

function carvedBelow(account: Account, r: number): number {
  let sum = 0
  for (const child of account.children ?? [])
    sum += child.has(r) ? (child.limit[r] ?? 0) : carvedBelow(child, r)
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
class World {
  readonly root: Account
  readonly booked = zero()
  readonly held = zero()
  readonly #made: Account[]
  readonly #mem = new Map<Account, number>()
  readonly #holds = new Map<Account, { hold: Hold; cost: Amounts }>()

  constructor(rootQuota: object) {
    this.root = openRoot(rootQuota)
    this.#made = [this.root]
  }

  run(one: Op): void {
    const account = this.#made[one.at % this.#made.length] ?? this.root
    if (one.op === 'settle') this.#settle(account, one.cost)
    if (account.isFolded) return
    if (one.op === 'carve') this.#refusable(() => this.#made.push(carve(account, one.quota)))
    else if (one.op === 'change') this.#refusable(() => changeLimits(account, one.change))
    else if (one.op === 'fold' && account !== this.root) this.#end(account)
    else if (one.op === 'letGo') this.#letGo(account)
    else if (one.op === 'hold') this.#setAside(account, one.cost)
    else if (one.op === 'charge' && !charge(account, one.cost)) {
      this.#book(one.cost)
      this.#mem.set(account, (this.#mem.get(account) ?? 0) + one.cost[MEM])
    }
  }

  close(): void {
    this.#letGo(this.root)
    for (const account of this.#made) if (account !== this.root && !account.isFolded) this.#end(account)
    release(this.root, MEM, this.#mem.get(this.root) ?? 0)
  }

  #settle(account: Account, [calls, tokens, usd]: Amounts): void {
    const spent: Amounts = [calls, tokens, usd, 0, 0]
    const { overrun } = settle(openAccount(account), spent)
    this.#book(spent)
    if (overrun && account !== this.root && !account.isFolded) this.#end(account)
  }

  #refusable(act: () => void): void {
    const before = snapshot(this.root)
    try {
      act()
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(?:EQUOTA|EINVAL)$/)
      expect(snapshot(this.root)).toBe(before)
    }
  }

  #setAside(account: Account, wanted: Amounts): void {
    if (this.#holds.has(account)) return
    const hold = new Hold(account)
    if (hold.raise(wanted) !== undefined) return
    this.#holds.set(account, { hold, cost: wanted })
    for (let r = 0; r < RESOURCES; r++) this.held[r] = (this.held[r] ?? 0) + (wanted[r] ?? 0)
  }

  #letGo(account: Account): void {
    const one = this.#holds.get(account)
    if (!one) return
    this.#holds.delete(account)
    one.hold.release()
    for (let r = 0; r < RESOURCES; r++) this.held[r] = (this.held[r] ?? 0) - (one.cost[r] ?? 0)
  }

  #end(account: Account): void {
    this.#letGo(account)
    release(account, MEM, this.#mem.get(account) ?? 0)
    fold(account)
  }

  #book(spent: Amounts): void {
    for (let r = 0; r < MEM; r++) this.booked[r] = (this.booked[r] ?? 0) + (spent[r] ?? 0)
  }
}

test('conservation holds while limits are set, raised, lowered and taken away under running processes', () => {
  fc.assert(
    fc.property(quota, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (rootQuota, steps) => {
      const world = new World(rootQuota)
      const { root, booked, held } = world
      for (const one of steps) {
        world.run(one)
        checkLaw(root, booked, held)
      }
      world.close()
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
