import type { ProcessImage, Quota, RemoteSender } from './abi.ts'
import { CHILDREN, charge, MEM, TOKENS, TOOL_CALLS, USD, zero } from './account.ts'
import type { Core } from './core.ts'
import { KernelError, QuotaExceeded } from './errors.ts'
import { ABI_VERSION, type MsgId, newSegId, type Pid } from './ids.ts'
import { suspend } from './lifetime.ts'
import { type Letter, newLetter } from './mailbox.ts'
import { Memory, Stored } from './memory.ts'
import type { Process } from './process.ts'
import { parseSnapshot, type SnapshotFields } from './snapshot-parse.ts'
import { checkImage, create, start } from './spawn.ts'
import { encodeValue } from './value-text.ts'

/** A process as plain JSON, and back: its context, its mail, what is left of its budget. */

const NEVER = Number.POSITIVE_INFINITY

/**
 * A process between two lives. JSON; bodies that JSON can't say are tagged. Without its stack, capabilities, handles,
 * monitors and names: what comes back starts at the top of `main` with its context and mail in place, which suits
 * programs that are a loop over messages.
 */
export interface ProcessSnapshot {
  readonly abi: number
  readonly name: string
  /** Kernel ms. */
  readonly at: number
  readonly context: {
    readonly resident: readonly SnapshotSegment[]
    readonly swap: readonly SnapshotSegment[]
    /** Ids of the pinned ones. */
    readonly pins: readonly string[]
  }
  /**
   * Oldest first, without the capabilities they carried. May stand above `maxMailbox` by what the process was about to
   * get.
   */
  readonly mailbox: readonly SnapshotMessage[]
  readonly budget: {
    /** What is left of its own limits; a key it shared with the processes above it is absent. */
    readonly remaining: Quota
    readonly spent: Quota
  }
  readonly priority: number
  readonly deadlineRemainingMs?: number
  /** The original goes on: both copies have its remaining budget, so this one is paid for anew. */
  readonly forked?: true
}

/** A piece of context. `order` is its place in the order of writing, in which swap and resident set share. */
export interface SnapshotSegment {
  readonly id: string
  readonly body: unknown
  readonly tokens: number
  readonly order: number
  readonly summary?: true
}

/** A message that was waiting. `from` is a pid of the kernel it was taken in, 0 for that kernel itself. */
export interface SnapshotMessage {
  readonly from: Pid
  readonly body: unknown
  readonly corr?: MsgId
  readonly deadlineRemainingMs?: number
  readonly remote?: RemoteSender
}

/** Describes a live process, which goes on; the copy is marked `forked`. */
export function snapshot(core: Core, process: Process): ProcessSnapshot {
  return { ...describe(core, process), forked: true }
}

/** Takes a process out of this kernel: stops it, describes it, ends it with reason shutdown. */
export function migrate(core: Core, process: Process): ProcessSnapshot {
  suspend(core, process)
  const taken = describe(core, process)
  core.exit(process, { kind: 'shutdown' })
  return taken
}

function describe(core: Core, process: Process): ProcessSnapshot {
  const now = core.clock.now()
  const { memory, deadlineAt } = process
  const resident = memory?.inOrder() ?? []
  const swap = memory?.swapped() ?? []
  // What a parked `recv` was handed counts as waiting until its process has run.
  const mail = [...core.dispatcher.inHand(process), ...process.mailbox]
  return {
    abi: ABI_VERSION,
    name: process.name,
    at: now,
    context: {
      resident: resident.map(segmentOf),
      swap: swap.map(segmentOf),
      pins: [...resident, ...swap].filter(({ pinned }) => pinned).map(({ id }) => id),
    },
    mailbox: mail.map((letter) => messageOf(letter, now)),
    budget: { remaining: remainingOf(process, now), spent: spentOf(process, now) },
    priority: process.priority,
    ...(deadlineAt === NEVER ? {} : { deadlineRemainingMs: Math.max(0, deadlineAt - now) }),
  }
}

function segmentOf({ id, body, tokens, order, summary }: Stored): SnapshotSegment {
  return { id, body: toJson(body), tokens, order, ...(summary ? { summary } : {}) }
}

function messageOf(letter: Letter, now: number): SnapshotMessage {
  const { from, corr, deadline, remote } = letter
  return {
    from,
    body: toJson(letter.body),
    ...(corr === undefined ? {} : { corr }),
    ...(deadline === undefined ? {} : { deadlineRemainingMs: deadline - now }),
    ...(remote === undefined ? {} : { remote: { ...remote } }),
  }
}

function toJson(body: unknown): unknown {
  return JSON.parse(encodeValue(body))
}

/** What is left of limits of its own. What it shares with those above is theirs, and stays with them. */
function remainingOf(process: Process, now: number): Quota {
  const { account, mailbox } = process
  const own = (column: number): number | undefined =>
    account.has(column) && account.limit[column] !== NEVER
      ? Math.max(0, account.available(column))
      : undefined
  const usd = own(USD)
  const wallMs = process.wallLeft(now)
  return present({
    tokens: own(TOKENS),
    toolCalls: own(TOOL_CALLS),
    usd: usd === undefined ? undefined : usd / 1e9,
    children: own(CHILDREN),
    mem: own(MEM),
    wallMs: wallMs === NEVER ? undefined : wallMs,
    maxMailbox: mailbox.max === NEVER ? undefined : mailbox.max,
  })
}

function spentOf(process: Process, now: number): Quota {
  const { caused } = process.account
  return {
    tokens: caused[TOKENS],
    toolCalls: caused[TOOL_CALLS],
    usd: caused[USD] / 1e9,
    wallMs: process.wallMs(now),
  }
}

/** Without the keys that are undefined: JSON would lose them, and a snapshot equals its JSON. */
function present(quota: Quota): Quota {
  return Object.fromEntries(Object.entries(quota).filter(([, value]) => value !== undefined))
}

/**
 * Starts a process from a snapshot below `parent`, which pays its remaining budget, and for its resident context where
 * that had no limit of its own. EABI for one of another ABI, EINVAL for what is none, EQUOTA without any effect.
 */
export function restore(
  core: Core,
  parent: Process,
  value: unknown,
  image: ProcessImage,
  options: { readonly args?: unknown; readonly isHostSpawned: boolean },
): Process {
  const program = checkImage(image)
  const fields = parseSnapshot(value, ABI_VERSION)
  const { remaining, priority, residentTokens, deadlineRemainingMs } = fields
  const { mem } = remaining
  if (mem === undefined) {
    const free = parent.account.holder(MEM).available(MEM)
    if (residentTokens > free) throw new QuotaExceeded('mem', residentTokens, free)
  }
  const process = create(core, parent, {
    image: { name: fields.name, main: (sys, args) => program.main(sys, args) },
    args: options.args,
    quota: mem === undefined ? remaining : { ...remaining, mem: mem + residentTokens },
    priority: parent.mayRaise ? priority : Math.min(priority, parent.ceiling),
    mayRaise: false,
    deadlineMs: deadlineRemainingMs,
    isHostSpawned: options.isHostSpawned,
  })
  fillMemory(core, process, fields)
  fillMailbox(core, process, fields)
  start(core, process)
  return process
}

function fillMemory(core: Core, process: Process, { segments, residentTokens }: SnapshotFields): void {
  if (segments.length === 0) return
  const cost = zero()
  cost[MEM] = residentTokens
  if (charge(process.account, cost)) throw new KernelError('EQUOTA', 'mem was taken meanwhile')
  const memory = new Memory()
  process.memory = memory
  for (const { number, isResident, body, tokens, isPinned, isSummary } of segments) {
    core.segments.skip(number)
    const stored = new Stored(newSegId(number), body, tokens, isPinned, isSummary ? true : undefined)
    if (isResident) memory.write(stored)
    else memory.writeToSwap(stored)
  }
}

function fillMailbox(core: Core, process: Process, { mailbox }: SnapshotFields): void {
  const now = core.clock.now()
  for (const { from, body, corr, deadlineRemainingMs, remote } of mailbox) {
    const deadlineAt = deadlineRemainingMs === undefined ? NEVER : now + deadlineRemainingMs
    const id = core.messages.next()
    process.mailbox.push(newLetter(id, from, process.pid, body, corr, deadlineAt, remote))
  }
}
