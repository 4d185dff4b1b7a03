import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Capability, CapTable, rightBits, rightNames } from './capability.ts'
import type { CapRef, Pid } from './ids.ts'
import { SeededRandom } from './random.ts'

/** The process that all the model's capabilities name. */
const TARGET = 9 as Pid
const ALL = rightBits(['send', 'monitor', 'kill'])

/** The plain model: a tree of records, liveness computed by walking it. */
interface Plain {
  readonly cap: Capability
  readonly owner: Pid
  readonly parent: Plain | undefined
  isRevoked: boolean
  isDeleted: boolean
}

function isLive(plain: Plain): boolean {
  if (plain.isDeleted) return false
  for (let at: Plain | undefined = plain; at; at = at.parent) if (at.isRevoked) return false
  return true
}

type Op = {
  readonly op: 'mint' | 'child' | 'revoke' | 'delete' | 'exit'
  readonly a: number
  readonly b: number
}

const ops = fc.array(
  fc.record({
    op: fc.constantFrom<Op['op']>(
      'mint',
      'child',
      'child',
      'child',
      'child',
      'revoke',
      'delete',
      'delete',
      'exit',
    ),
    a: fc.nat(1000),
    b: fc.nat(127),
  }),
  { minLength: 20, maxLength: 80, size: 'max' },
)

function checkTree(root: Capability, nodes: { live: number; skeletons: number }): void {
  let count = 0
  for (let child = root.firstChild; child; child = child.nextSibling) {
    expect(child.parent).toBe(root)
    expect(child.rights & ~root.rights).toBe(0)
    count++
    checkTree(child, nodes)
  }
  expect(root.childCount).toBe(count)
  if (root.isSkeleton) {
    nodes.skeletons++
    expect(count).toBeGreaterThanOrEqual(2)
  } else nodes.live++
}

/** The table under test beside its model. */
class Pair {
  readonly model: Plain[] = []
  readonly died: Capability[] = []
  readonly table = new CapTable(new SeededRandom('07'.repeat(32)), () => 0, {
    died: (cap) => this.died.push(cap),
    processUnnamed: () => undefined,
  })

  live(): Plain[] {
    return this.model.filter(isLive)
  }

  apply({ op, a, b }: Op): void {
    const { table, model } = this
    const owner = ((b % 5) + 1) as Pid
    const live = this.live()
    const chosen = live[a % Math.max(1, live.length)]
    const add = (cap: Capability, parent: Plain | undefined): void => {
      model.push({ cap, owner, parent, isRevoked: false, isDeleted: false })
    }
    if (op === 'mint') add(table.mint(owner, { kind: 'process', pid: TARGET }, ALL), undefined)
    else if (op === 'exit') {
      table.deleteOwned(owner)
      for (const plain of live) if (plain.owner === owner) plain.isDeleted = true
    } else if (!chosen) return
    else if (op === 'child') add(table.child(chosen.cap, owner, b), chosen)
    else if (op === 'delete') {
      table.delete(chosen.cap)
      chosen.isDeleted = true
    } else {
      const count = table.revoke(chosen.cap)
      chosen.isRevoked = true
      expect(live.length - this.live().length).toBe(count)
    }
  }

  compare(): void {
    const { table, model } = this
    const ask = (caller: number, plain: Plain): unknown => {
      try {
        return table.owned(caller as Pid, plain.cap.ref)
      } catch (error) {
        return error instanceof Error ? error.message : error
      }
    }
    const unknown = 'capability unknown or not owned'
    for (const plain of model) {
      const answers = [ask(plain.owner, plain), ask(99, plain)]
      const right = [isLive(plain) ? plain.cap : unknown, unknown]
      if (answers[0] !== right[0] || answers[1] !== right[1])
        throw new Error(`capability ${plain.cap.id} is wrong`)
    }
    expect(table.size).toBe(this.live().length)
    expect(table.isNamed(TARGET)).toBe(table.size > 0)
  }

  /** Every top of the derivation forest. */
  tops(): Set<Capability> {
    return new Set(
      this.live().map(({ cap }) => {
        let top = cap
        while (top.parent) top = top.parent
        return top
      }),
    )
  }
}

test('invariants 3, 4, 7: revocation reaches every descendant through ended owners, and nothing else', () => {
  fc.assert(
    fc.property(ops, (steps) => {
      const pair = new Pair()
      for (const step of steps) {
        pair.apply(step)
        pair.compare()
      }
      const nodes = { live: 0, skeletons: 0 }
      for (const top of pair.tops()) checkTree(top, nodes)
      expect(nodes.live).toBe(pair.table.size)
      expect(nodes.skeletons).toBeLessThanOrEqual(nodes.live)
      expect(new Set(pair.died).size).toBe(pair.died.length)
    }),
    { numRuns: 150 },
  )
})

test('a path may not exceed its bound, and counts only what still stands', () => {
  const table = new CapTable(new SeededRandom('01'.repeat(32)), () => 0, { died() {}, processUnnamed() {} })
  let cap = table.mint(1 as Pid, { kind: 'spawn' }, 0)
  for (let i = 1; i < 4096; i++) cap = table.child(cap, 1 as Pid, 0)
  expect(() => table.child(cap, 1 as Pid, 0)).toThrow(expect.objectContaining({ code: 'ECAP' }))
  expect(table.size).toBe(4096)
  for (const one of [...table.list(1 as Pid)]) if (one !== cap) table.delete(one)
  expect(table.child(cap, 1 as Pid, 0).depth).toBe(1)
})

test('rights pack and unpack, references are unique and 128 bits long', () => {
  expect(rightNames(rightBits(['kill', 'send', 'open']))).toEqual(['send', 'open', 'kill'])
  expect(() => rightBits(['__proto__' as 'send'])).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  const random = new SeededRandom('ab'.repeat(32))
  const refs = new Set<string>()
  for (let i = 0; i < 5000; i++) refs.add(random.hex(16))
  expect(refs.size).toBe(5000)
  for (const ref of refs) expect(ref as CapRef).toMatch(/^[0-9a-f]{32}$/)
})

test('the generator is ChaCha20: its first block under the zero key is the published one', () => {
  const random = new SeededRandom('00'.repeat(32))
  // RFC 8439 appendix A.1, test vector 1, read as little-endian words.
  expect(random.hex(16)).toBe('ade0b876903df1a0e56a5d4028bd8653')
})
