import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SegId } from './ids.ts'
import { Memory, Stored } from './memory.ts'

const act = fc.record({
  op: fc.constantFrom(
    'write',
    'write',
    'write',
    'write to swap',
    'evict',
    'bring back',
    'forget',
    'recall',
    'look',
  ),
  n: fc.nat(1000),
})

/** What a memory should hold, as two lists. */
interface Plain {
  resident: Stored[]
  swap: Stored[]
}

const inOrder = (list: readonly Stored[]): Stored[] => [...list].sort((a, b) => a.order - b.order)
const tokensOf = (list: readonly Stored[]): number => list.reduce((sum, one) => sum + one.tokens, 0)

function step(memory: Memory, plain: Plain, { op, n }: { op: string; n: number }, number: number): void {
  const all = [...plain.resident, ...plain.swap]
  if (op.startsWith('write')) {
    const isSummary = op === 'write' && n % 7 === 0
    const stored = new Stored(
      `s${number}` as SegId,
      `w${n % 5} own${number}`,
      1 + (n % 9),
      false,
      isSummary || undefined,
    )
    if (op === 'write') {
      memory.write(stored)
      plain.resident.push(stored)
    } else {
      memory.writeToSwap(stored)
      plain.swap.push(stored)
    }
  } else if (op === 'evict') {
    const leaving = inOrder(plain.resident).filter((_, i) => i % 3 !== n % 3)
    memory.evict(leaving)
    plain.resident = plain.resident.filter((one) => !leaving.includes(one))
    plain.swap.push(...leaving.filter((one) => !one.summary))
  } else if (op === 'bring back') {
    const stored = plain.swap[n % Math.max(1, plain.swap.length)]
    if (!stored) return
    memory.bringBack(stored)
    plain.swap = plain.swap.filter((one) => one !== stored)
    plain.resident.push(stored)
  } else if (op === 'forget') {
    const stored = all[n % Math.max(1, all.length)]
    if (!stored) return
    expect(memory.forget(stored.id)).toBe(plain.resident.includes(stored) ? stored.tokens : 0)
    plain.resident = plain.resident.filter((one) => one !== stored)
    plain.swap = plain.swap.filter((one) => one !== stored)
  } else if (op === 'recall') {
    const wanted = inOrder(plain.swap.filter((one) => String(one.body).startsWith(`w${n % 5} `))).reverse()
    expect(memory.matching(`w${n % 5}`, 4)).toEqual(wanted.slice(0, 4))
  } else {
    expect(memory.inOrder()).toEqual(inOrder(plain.resident))
    expect(memory.swapped()).toEqual(inOrder(plain.swap))
    for (const one of all) expect(memory.find(one.id)).toBe(one)
  }
}

test('a memory holds what two plain lists would, through any number of changes', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 1, maxLength: 300, size: 'max' }), (acts) => {
      const memory = new Memory()
      const plain: Plain = { resident: [], swap: [] }
      acts.forEach((one, i) => {
        step(memory, plain, one, i)
        expect(memory.residentTokens).toBe(tokensOf(plain.resident))
        expect(memory.swapTokens).toBe(tokensOf(plain.swap))
      })
      expect(memory.inOrder()).toEqual(inOrder(plain.resident))
      expect(memory.swapped()).toEqual(inOrder(plain.swap))
    }),
    { numRuns: 150 },
  )
})

test('what is written and forgotten again and again leaves nothing behind', () => {
  const memory = new Memory()
  for (let i = 0; i < 20_000; i++) {
    const id = `s${i}` as SegId
    if (i % 2 === 0) memory.write(new Stored(id, 'x', 1, false, undefined))
    else memory.writeToSwap(new Stored(id, 'word', 1, false, undefined))
    if (i % 50 === 1) memory.matching('word', 1)
    memory.forget(id)
  }
  expect([memory.residentTokens, memory.swapTokens]).toEqual([0, 0])
  expect(memory.matching('word', 5)).toEqual([])
  expect(memory.inOrder()).toEqual([])
})
