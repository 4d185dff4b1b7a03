import type { ExitReason, ProcessImage, Sys, Timer } from './abi.ts'
import type { Account } from './account.ts'
import type { Capability, Closable } from './capability.ts'
import type { MsgId, Pid } from './ids.ts'
import type { Letter, Mailbox } from './mailbox.ts'
import type { Memory } from './memory.ts'
import type { Counter } from './metrics.ts'
import type { Runnable } from './ready-queue.ts'
import type { Refusal } from './refusals.ts'
import type { Tape } from './tape.ts'

export type WaitKind = 'recv' | 'send' | 'io' | 'sleep' | 'waitpid' | 'page' | 'spawn' | 'yield'

/** What a completion brings. */
const VALUE = 0
const FAILURE = 1
const MAIL = 2

/** An outcome that waits for its caller's next dispatch, and the promise that the caller awaits. */
export class Completion {
  readonly process: Process
  readonly promise: Promise<unknown>
  #resolve: (value: unknown) => void = ignore
  #reject: (error: unknown) => void = ignore
  #value: unknown
  #how: number = VALUE
  nextCompletion: Completion | undefined

  constructor(process: Process) {
    this.process = process
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  outcome(value: unknown, failed: boolean): void {
    this.#value = value
    this.#how = failed ? FAILURE : VALUE
    // A rejected call that nobody awaits must not become the host's unhandled rejection.
    if (failed) this.promise.catch(ignore)
  }

  /** What it brings is a message, and can be found as one until its receiver has it. */
  markMail(): void {
    this.#how = MAIL
  }

  get letter(): Letter | undefined {
    return this.#how === MAIL ? (this.#value as Letter) : undefined
  }

  /** Hands the outcome to the caller; its continuation runs as a microtask. */
  release(): void {
    if (this.#how === FAILURE) this.#reject(this.#value)
    else this.#resolve(this.#value)
  }
}

/** One parked system call: whatever it waits in, until it completes. */
export class Park extends Completion {
  readonly kind: WaitKind
  /** Of a `recv`: the only reply that it takes. */
  corr: MsgId | undefined
  /** Set once it left the list of outstanding calls. */
  isDone = false
  timer: Timer | undefined
  /** Takes the call out of whatever it waits in; run when its process ends first. */
  withdraw: (() => void) | undefined
  nextOutstanding: Park | undefined
  prevOutstanding: Park | undefined

  constructor(process: Process, kind: WaitKind) {
    super(process)
    this.kind = kind
  }
}

function ignore(): void {}

/** A `send` that found the mailbox full; what it carries is delegated when it gets in. */
export interface ParkedSend {
  readonly park: Park
  readonly letter: Letter
  readonly carried: readonly Capability[]
}

/** Where what a process pays for one thing is counted. */
export interface Meter {
  readonly what: string
  readonly tokens: Counter
  readonly toolCalls: Counter
  readonly usd: Counter
}

/** The process control block. Nothing outside the kernel ever holds one. */
export class Process implements Runnable {
  // What every dispatch touches lies together: of ten thousand processes, each comes from main memory.
  readonly pid: Pid
  isStarted = false
  isDead = false
  isStopped = false
  /** Awaits something that is no system call; the scheduler went on without it. */
  isForeign = false
  readySeq = 0
  readyClass = 0
  readySince = 0
  priority = 0
  quantum = 0
  reductions = 0
  deadlineAt = Number.POSITIVE_INFINITY
  firstCompletion: Completion | undefined
  lastCompletion: Completion | undefined
  outstanding: Park | undefined
  /** Records or replays what it gets from outside; its children inherit it. */
  tape: Tape | undefined

  readonly name: string
  readonly image: ProcessImage
  readonly account: Account
  readonly mailbox: Mailbox
  args: unknown
  sys: Sys | undefined
  parent: Process | undefined
  children: Set<Process> | undefined
  /** Spawned by the host for a session: first to be asked to end at shutdown. */
  isHostSpawned = false

  /** The process whose suspension stopped this one, itself or one above it; it goes on with that one. */
  stoppedWith: Pid | undefined
  exitReason: ExitReason | undefined

  /** Priority it may not exceed by itself. */
  ceiling = 0
  mayRaise = false
  deadlineTimer: Timer | undefined

  readonly spawnedAt: number
  /** Ceiling on kernel time since spawn, stopped time excluded; Infinity for none. */
  wallLimitMs = Number.POSITIVE_INFINITY
  /** Wall time up to the last stop. */
  wallUsedMs = 0
  wallSince: number
  wallTimer: Timer | undefined

  /** Parked `recv` calls, oldest first. */
  receivers: Park[] = []
  /** Senders parked on this mailbox, oldest first. */
  readonly senders = new Set<ParkedSend>()
  /** Who gets a Down; becomes the tombstone's record of who had one. */
  readonly watchers = new Set<Pid>()
  waiters: Park[] | undefined
  names: Set<string> | undefined
  cleanup: (() => void)[] | undefined
  handles: Set<Closable> | undefined
  memory: Memory | undefined
  meter: Meter | undefined
  /** Doors that hold their work while it is stopped; told whether it lives. */
  heldDoors: Set<(isAlive: boolean) => void> | undefined
  /** Budget set aside for operations under way through its doors. */
  holds: Set<{ release(): void }> | undefined
  /** Journaled operations so far, those made through doors, and timers, each counted for itself. */
  operations = 0
  doorOperations = 0
  timers = 0
  /** Refused door openings by device, so that a flood of them stays a count. */
  refusals: Map<string, Refusal> | undefined

  constructor(init: {
    pid: Pid
    image: ProcessImage
    name: string
    account: Account
    mailbox: Mailbox
    args: unknown
    parent: Process | undefined
    now: number
  }) {
    this.pid = init.pid
    this.image = init.image
    this.name = init.name
    this.account = init.account
    this.mailbox = init.mailbox
    this.args = init.args
    this.parent = init.parent
    this.spawnedAt = init.now
    this.wallSince = init.now
  }

  addOutstanding(park: Park): void {
    park.nextOutstanding = this.outstanding
    if (this.outstanding) this.outstanding.prevOutstanding = park
    this.outstanding = park
  }

  removeOutstanding(park: Park): void {
    if (park.prevOutstanding) park.prevOutstanding.nextOutstanding = park.nextOutstanding
    else if (this.outstanding === park) this.outstanding = park.nextOutstanding
    if (park.nextOutstanding) park.nextOutstanding.prevOutstanding = park.prevOutstanding
    park.nextOutstanding = undefined
    park.prevOutstanding = undefined
  }

  pushCompletion(park: Completion): void {
    if (this.lastCompletion) this.lastCompletion.nextCompletion = park
    else this.firstCompletion = park
    this.lastCompletion = park
  }

  takeCompletion(): Completion | undefined {
    const park = this.firstCompletion
    if (!park) return undefined
    this.firstCompletion = park.nextCompletion
    if (!this.firstCompletion) this.lastCompletion = undefined
    park.nextCompletion = undefined
    return park
  }

  /** Lets held doors go on, or end. */
  releaseDoors(): void {
    const held = this.heldDoors
    this.heldDoors = undefined
    for (const release of held ?? []) release(!this.isDead)
  }

  /** What is left of its ceiling, and the most that a child's may be; Infinity for none. */
  wallLeft(now: number): number {
    const limit = this.wallLimitMs
    return limit === Number.POSITIVE_INFINITY ? limit : Math.max(0, limit - this.wallMs(now))
  }

  /** Kernel time it has lived through while not stopped. */
  wallMs(now: number): number {
    return this.isStopped ? this.wallUsedMs : this.wallUsedMs + Math.max(0, now - this.wallSince)
  }
}

/** What is left of an ended process while a capability names it. */
export interface Tombstone {
  readonly pid: Pid
  readonly reason: ExitReason
  readonly notified: Set<Pid>
}
