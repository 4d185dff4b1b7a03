import { free, MEM } from './accounts.fixture.ts'
import { ENDED } from './devices.fixture.ts'
import { killPlain } from './life.fixture.ts'
import type { Machine, PlainProcess } from './machine.fixture.ts'
import { ModelError } from './mail.fixture.ts'
import {
  inOrder,
  matches,
  type PlainSegment,
  pickVictims,
  plainTokens,
  residentTokens,
} from './memory.fixture.ts'

/** The memory calls of the plain model. */

export function memoryCall(m: Machine, process: PlainProcess, name: string, a: unknown, b: unknown): unknown {
  const { memory } = process
  const both = [...memory.resident, ...memory.swap]
  switch (name) {
    case 'workingSet':
      return inOrder(memory).map(asSegment)
    case 'pin':
      for (const one of both) if (one.id === a) one.pinned = b as boolean
      return undefined
    case 'forget':
      memory.resident = memory.resident.filter((one) => one.id !== a)
      memory.swap = memory.swap.filter((one) => one.id !== a)
      process.account.resident = residentTokens(memory)
      return undefined
    case 'remember':
      return remember(m, process, a, (b ?? {}) as { tokens?: number; pin?: boolean })
    case 'recall':
      return recall(m, process, matches(memory, a as string, b as number))
    default:
      throw new Error(`the model has no ${name}`)
  }
}

function remember(
  m: Machine,
  process: PlainProcess,
  body: unknown,
  options: { tokens?: number; pin?: boolean },
): unknown {
  const tokens = options.tokens ?? plainTokens(body)
  if (!Number.isSafeInteger(tokens) || tokens < 1) throw new ModelError('EINVAL')
  const id = `s${++m.segments}`
  if (!makeRoom(m, process, tokens, [])) {
    killPlain(m, process, 'mem')
    return ENDED
  }
  // Room is made first: what it leaves behind is older than what is written now.
  const order = ++process.memory.orders
  const segment = { id, body, tokens, order, isSummary: false, pinned: options.pin === true }
  place(process, segment)
  return id
}

function place(process: PlainProcess, segment: PlainSegment): void {
  process.memory.resident.push(segment)
  process.account.resident = residentTokens(process.memory)
}

function makeRoom(m: Machine, process: PlainProcess, need: number, keep: readonly PlainSegment[]): boolean {
  const { memory, account } = process
  const room = free(account, MEM)
  if (need <= room) return true
  const resident = residentTokens(memory)
  const ceiling = resident + room
  if (need > ceiling) return false
  const goal = Math.max(need - room, Math.ceil(resident + need - ceiling * 0.75))
  const candidates = inOrder(memory).filter((one) => !keep.includes(one))
  const { victims, summary } = pickVictims(candidates, goal)
  if (victims.length === 0) return false
  memory.resident = memory.resident.filter((one) => !victims.includes(one))
  memory.swap.push(...victims.filter((one) => !one.isSummary))
  account.resident = residentTokens(memory)
  const freed = victims.reduce((sum, one) => sum + one.tokens, 0)
  const tokens = plainTokens(summary)
  if (summary !== '' && tokens < freed && tokens + need <= free(account, MEM)) {
    const id = `s${++m.segments}`
    const order = ++memory.orders
    place(process, { id, body: summary, tokens, order, isSummary: true, pinned: false })
  }
  return need <= free(account, MEM)
}

function recall(m: Machine, process: PlainProcess, wanted: readonly PlainSegment[]): unknown {
  const { memory } = process
  const back: PlainSegment[] = []
  for (const one of wanted) {
    if (!makeRoom(m, process, one.tokens, back)) continue
    memory.swap = memory.swap.filter((other) => other !== one)
    place(process, one)
    back.push(one)
  }
  return { value: back.map(asSegment) }
}

function asSegment({ id, body, tokens, pinned, isSummary }: PlainSegment): unknown {
  return { id, body, tokens, pinned, ...(isSummary ? { summary: true } : {}) }
}
