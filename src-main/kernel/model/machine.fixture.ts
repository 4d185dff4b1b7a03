import type { ExitReason } from '../abi.ts'
import type { PlainAccount } from './accounts.fixture.ts'
import { type PlainCap, PlainCaps, type PlainHandle } from './caps.fixture.ts'
import type { PlainMemory } from './memory.fixture.ts'
import type { Call, Outcome } from './program.fixture.ts'

/** The plain model's processes, its time and its queue of ready processes: arrays that are searched and sorted. */

/** A call under way, and where its outcome goes. */
export interface Waiting {
  readonly process: PlainProcess
  readonly slots: (Outcome | undefined)[]
  readonly slot: number
  isDone: boolean
  timer?: PlainTimer
  withdraw?: () => void
  outcome?: Outcome
}

export interface PlainMessage {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly body: unknown
  readonly corr: string | undefined
  readonly deadline: number
  caps: string[]
}

export interface PlainProcess {
  readonly pid: number
  readonly name: string
  parent: PlainProcess | undefined
  children: PlainProcess[]
  readonly account: PlainAccount
  readonly maxMailbox: number
  mailbox: PlainMessage[]
  receivers: { readonly waiting: Waiting; readonly corr: string | undefined }[]
  senders: { readonly waiting: Waiting; readonly message: PlainMessage; readonly caps: PlainCap[] }[]
  completions: Waiting[]
  outstanding: Waiting[]
  readonly watchers: number[]
  waiters: Waiting[]
  names: string[]
  cleanup: (() => void)[]
  handles: PlainHandle[]
  readonly memory: PlainMemory
  body: Generator<readonly Call[], void, readonly Outcome[]> | undefined
  isStarted: boolean
  isStopped: boolean
  reason: ExitReason | undefined
  priority: number
  ceiling: number
  mayRaise: boolean
  deadlineAt: number
  deadlineTimer: PlainTimer | undefined
  wallLimit: number
  wallUsed: number
  wallSince: number
  wallTimer: PlainTimer | undefined
  quantum: number
  reductions: number
}

export interface PlainTimer {
  readonly at: number
  readonly isDevice: boolean
  fire: (() => void) | undefined
}

/** Virtual time as a list of timers, earliest first, in order of creation among equals. */
export class PlainTime {
  nowUs = 0
  timers: PlainTimer[] = []
  /** Two things at one moment whose order the reference leaves open: the program says nothing then. */
  isAmbiguous = false

  now(): number {
    return this.nowUs / 1000
  }

  set(ms: number, fire: () => void, isDevice = false): PlainTimer {
    const timer = { at: Math.round(this.nowUs + Math.max(0, ms) * 1000), isDevice, fire }
    this.timers.push(timer)
    return timer
  }

  #next(): PlainTimer | undefined {
    this.timers = this.timers.filter((timer) => timer.fire)
    return this.timers.reduce<PlainTimer | undefined>((a, b) => (!a || b.at < a.at ? b : a), undefined)
  }

  fireDue(): void {
    for (let next = this.#next(); next && next.at <= this.nowUs; next = this.#next()) {
      const { fire } = next
      const rivals = this.timers.filter((one) => one !== next && one.at === next?.at)
      if (rivals.some((one) => one.isDevice) || (next.isDevice && rivals.length > 0)) this.isAmbiguous = true
      next.fire = undefined
      fire?.()
    }
  }

  advance(): boolean {
    const next = this.#next()
    if (!next) return false
    this.nowUs = Math.max(this.nowUs, next.at)
    this.fireDue()
    return true
  }
}

interface Entry {
  readonly process: PlainProcess
  readonly seq: number
  cls: number
  entered: number
  since: number
}

const TOP = 43

/** Who may run, in pick order: effective priority, deadline, arrival. Waiting long lifts by a level. */
export class PlainQueue {
  entries: Entry[] = []
  #seq = 0
  #entered = 0
  #picks = 0
  readonly #rounds: number

  constructor(rounds: number) {
    this.#rounds = rounds
  }

  has(process: PlainProcess): boolean {
    return this.entries.some((one) => one.process === process)
  }

  push(process: PlainProcess): void {
    if (this.has(process)) return
    this.entries.push({
      process,
      seq: ++this.#seq,
      cls: process.priority,
      entered: ++this.#entered,
      since: this.#picks,
    })
  }

  remove(process: PlainProcess): void {
    this.entries = this.entries.filter((one) => one.process !== process)
  }

  pick(): PlainProcess | undefined {
    const isDated = (one: Entry): boolean => one.process.deadlineAt !== Number.POSITIVE_INFINITY
    const [best] = [...this.entries].sort((a, b) => {
      if (a.cls !== b.cls) return b.cls - a.cls
      if (isDated(a) !== isDated(b)) return isDated(a) ? -1 : 1
      if (!isDated(a)) return a.entered - b.entered
      return a.process.deadlineAt - b.process.deadlineAt || a.seq - b.seq
    })
    if (!best) return undefined
    this.#picks++
    this.remove(best.process)
    if (this.#rounds > 0) this.#age(best, isDated)
    return best.process
  }

  /** A level rises from its head, in order of arrival there, as long as each was passed over and for long enough. */
  #age(picked: Entry, isDated: (one: Entry) => boolean): void {
    for (let cls = TOP - 1; cls >= -20; cls--) {
      for (const dated of [false, true]) {
        const level = this.entries.filter((one) => one.cls === cls && isDated(one) === dated)
        level.sort((a, b) => a.entered - b.entered)
        for (const one of level) {
          const isOvertaken = cls !== picked.cls || one.seq <= picked.seq
          if (!isOvertaken || this.#picks - one.since < this.#rounds) break
          one.cls++
          one.entered = ++this.#entered
          one.since = this.#picks
        }
      }
    }
  }
}

/** Everything the model knows. */
export interface Machine {
  readonly time: PlainTime
  readonly queue: PlainQueue
  readonly caps: PlainCaps
  readonly processes: Map<number, PlainProcess>
  readonly names: Map<string, PlainProcess>
  /** Every pair that had its Down, as `watcher<target`. */
  readonly told: Set<string>
  readonly reasons: Map<number, ExitReason>
  readonly note: (line: string) => void
  readonly quantum: number
  current: PlainProcess | undefined
  pids: number
  messages: number
  segments: number
  driverCalls: number
  handles: number
  dispatches: number
  delivered: number
}

export function createMachine(init: {
  quantum: number
  agingRounds: number
  note: (line: string) => void
}): Machine {
  return {
    time: new PlainTime(),
    queue: new PlainQueue(init.agingRounds),
    caps: new PlainCaps(),
    processes: new Map(),
    names: new Map(),
    told: new Set(),
    reasons: new Map(),
    note: init.note,
    quantum: init.quantum,
    current: undefined,
    pids: 0,
    messages: 0,
    segments: 0,
    driverCalls: 0,
    handles: 0,
    dispatches: 0,
    delivered: 0,
  }
}

export function enqueue(m: Machine, process: PlainProcess): void {
  if (process.isStopped || process.reason) return
  if (process.isStarted && process.completions.length === 0) return
  m.queue.push(process)
}

/** The caller waits: it no longer runs. */
export function park(m: Machine, waiting: Waiting): Waiting {
  waiting.process.outstanding.push(waiting)
  if (m.current === waiting.process) m.current = undefined
  return waiting
}

export function complete(m: Machine, waiting: Waiting, outcome: Outcome): void {
  const { process } = waiting
  if (waiting.isDone || process.reason) return
  waiting.isDone = true
  if (waiting.timer) waiting.timer.fire = undefined
  process.outstanding = process.outstanding.filter((one) => one !== waiting)
  waiting.outcome = outcome
  process.completions.push(waiting)
  enqueue(m, process)
}

export function wallMs(m: Machine, process: PlainProcess): number {
  const since = process.isStopped ? 0 : Math.max(0, m.time.now() - process.wallSince)
  return process.wallUsed + since
}

export function wallLeft(m: Machine, process: PlainProcess): number {
  return Math.max(0, process.wallLimit - wallMs(m, process))
}
