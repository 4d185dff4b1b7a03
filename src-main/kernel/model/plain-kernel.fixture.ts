import type { RecvOptions, SendOptions, SpawnOptions } from '../abi.ts'
import { ENDED, openPlainDevice, readAllPlain, transferPlain } from './devices.fixture.ts'
import {
  announce,
  budgetPlain,
  exitPlain,
  makeProcess,
  monitorPlain,
  parseMsPlain,
  resumePlain,
  rowPlain,
  schedPlain,
  spawnPlain,
  suspendPlain,
  waitPlain,
} from './life.fixture.ts'
import {
  createMachine,
  enqueue,
  type Machine,
  type PlainProcess,
  park,
  type Waiting,
} from './machine.fixture.ts'
import {
  derivePlain,
  liveCap,
  liveTarget,
  ModelError,
  mintPlain,
  postPlain,
  recvPlain,
  revokePlain,
  sendPlain,
  targetPid,
} from './mail.fixture.ts'
import { memoryCall } from './paging.fixture.ts'
import { body, type Call, type Outcome, type Program, ROOT_QUOTAS, Spelling } from './program.fixture.ts'

/** The plain kernel: runs a generated program to its end and returns what there was to see. */

export interface Seen {
  readonly lines: readonly string[]
  /** Set when two things fell together whose order the reference leaves open. */
  readonly isAmbiguous: boolean
}

export const END_MS = 100_000_000
const SYNCHRONOUS = new Set(
  'self selfCap register unregister derive attenuate revoke sched budget now log onCleanup workingSet forget pin'.split(
    ' ',
  ),
)
const COSTS: Readonly<Record<string, number>> = { spawn: 4, exit: 0, now: 0, onCleanup: 0 }

class PlainKernel {
  readonly m: Machine
  readonly lines: string[] = []
  readonly #program: Program
  readonly #spell = new Spelling()
  #grown = 0

  constructor(program: Program) {
    this.#program = program
    const note = (line: string): void => void this.lines.push(line)
    this.m = createMachine({ quantum: program.quantum, agingRounds: program.agingRounds, note })
  }

  run(): Seen {
    const { m } = this
    const quota = ROOT_QUOTAS[this.#program.rootQuota] ?? {}
    const root = makeProcess(m, undefined, {
      name: 'root',
      quota,
      priority: 0,
      mayRaise: true,
      deadline: undefined,
    })
    root.priority = 0
    this.#embody(root, { script: 0, depth: 0 })
    const device = { kind: 'device', name: 'dev' } as const
    const cap = m.caps.add({
      owner: 1,
      resource: device,
      rights: new Set(['open']),
      ends: [],
      parent: undefined,
    })
    postPlain(m, root, { $: 'boot', devices: { dev: cap.ref } }, [])
    announce(m, root)
    let isOver = false
    m.time.set(END_MS, () => {
      isOver = true
      this.#finish()
    })
    while (!isOver) {
      m.time.fireDue()
      const next = m.queue.pick()
      if (next) this.#dispatch(next)
      else m.time.advance()
    }
    return { lines: this.lines, isAmbiguous: m.time.isAmbiguous }
  }

  #finish(): void {
    const { m } = this
    for (const process of m.processes.values()) m.note(rowPlain(m, process))
    m.note(`dispatches ${m.dispatches} messages ${m.delivered}`)
    for (const process of [...m.processes.values()]) exitPlain(m, process, { kind: 'killed', by: 0 as never })
  }

  #embody(process: PlainProcess, args: { script: number; depth: number }): void {
    const world = {
      pid: process.pid,
      note: this.m.note,
      read: () => [budgetPlain(this.m, process), this.m.time.now()],
      mayGrow: () => this.#grown++ < 30,
    }
    process.body = body(this.#program, world, this.#spell, args)
  }

  #dispatch(process: PlainProcess): void {
    const { m } = this
    m.dispatches++
    m.current = process
    process.quantum = m.quantum
    if (!process.isStarted) {
      process.isStarted = true
      this.#resume(process, [])
    } else {
      const done = process.completions.shift()
      if (process.completions.length > 0) enqueue(m, process)
      if (done) {
        done.slots[done.slot] = done.outcome
        const outcomes = done.slots.filter((one) => one !== undefined)
        if (outcomes.length === done.slots.length) this.#resume(process, outcomes)
      }
    }
    m.current = undefined
  }

  /** Runs a body until it waits for something. */
  #resume(process: PlainProcess, first: readonly Outcome[]): void {
    let outcomes = first
    for (;;) {
      let calls: readonly Call[]
      try {
        const next = process.body?.next(outcomes)
        if (!next || next.done) {
          exitPlain(this.m, process, { kind: 'normal' })
          return
        }
        calls = next.value
      } catch (error) {
        const text = error instanceof Error ? error.message : ''
        exitPlain(this.m, process, { kind: 'fault', error: text })
        return
      }
      const slots: (Outcome | undefined)[] = calls.map(() => undefined)
      for (const [slot, call] of calls.entries()) {
        slots[slot] = this.#invoke({ process, slots, slot, isDone: false }, call)
      }
      const settled = slots.filter((one) => one !== undefined)
      if (settled.length < slots.length) return
      outcomes = settled
    }
  }

  /** Makes one call; undefined when its outcome comes later or never. */
  #invoke(waiting: Waiting, call: Call): Outcome | undefined {
    const { process } = waiting
    const isNow = SYNCHRONOUS.has(call.name)
    if (process.reason) return isNow ? { code: 'EDEAD' } : undefined
    const cost =
      call.name === 'readAll' ? Math.max(1, (call.args[1] as unknown[]).length) : (COSTS[call.name] ?? 1)
    process.quantum -= cost
    process.reductions += cost
    let outcome: Outcome
    try {
      const result = this.#call(process, call, waiting)
      if (result === waiting || result === ENDED || process.reason) return undefined
      outcome = isOutcome(result) ? result : { value: result }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      outcome = { code: error.code }
    }
    if (isNow || (this.m.current === process && process.quantum > 0 && call.name !== 'yield')) return outcome
    waiting.isDone = true
    waiting.outcome = outcome
    process.completions.push(waiting)
    if (this.m.current === process) this.m.current = undefined
    enqueue(this.m, process)
    return undefined
  }

  #call(process: PlainProcess, { name, args }: Call, waiting: Waiting): unknown {
    const { m } = this
    const [a, b] = args
    const options = (b ?? {}) as Record<string, unknown>
    switch (name) {
      case 'spawn': {
        const { child, ...made } = spawnPlain(m, process, (a as { name: string }).name, b as SpawnOptions)
        this.#embody(child, options.args as { script: number; depth: number })
        return made
      }
      case 'send':
        return isHandle(m, process, a)
          ? transferPlain(m, process, a, 'write', b, waiting)
          : sendPlain(m, process, a, b, (args[2] ?? {}) as SendOptions, waiting)
      case 'recv': {
        const got = recvPlain(m, process, a as RecvOptions, waiting)
        return 'message' in got ? { value: got.message } : got
      }
      case 'open':
        return openPlainDevice(m, process, a, b, waiting)
      case 'read':
      case 'write':
        return transferPlain(m, process, a, name, b, waiting)
      case 'readAll':
        return readAllPlain(m, process, a, b as unknown[], waiting)
      case 'sleep': {
        const ms = parseMsPlain(a)
        park(m, waiting)
        waiting.timer = m.time.set(ms, () => this.#wake(waiting))
        return waiting
      }
      default:
        return this.#small(process, name, a, b, waiting)
    }
  }

  #wake(waiting: Waiting): void {
    const { process } = waiting
    if (waiting.isDone || process.reason) return
    waiting.isDone = true
    process.outstanding = process.outstanding.filter((one) => one !== waiting)
    waiting.outcome = { value: undefined }
    process.completions.push(waiting)
    enqueue(this.m, process)
  }

  #small(process: PlainProcess, name: string, a: unknown, b: unknown, waiting: Waiting): unknown {
    const { m } = this
    switch (name) {
      case 'selfCap':
        return mintPlain(m, process.pid, process.pid, ['send', 'monitor'])
      case 'derive':
        return derivePlain(m, process, a, b as never, undefined)
      case 'attenuate': {
        const { rights, expiresInMs } = b as { rights?: never; expiresInMs?: number }
        liveCap(m, process, a)
        const end = expiresInMs === undefined ? undefined : m.time.now() + parseMsPlain(expiresInMs)
        return derivePlain(m, process, a, rights, end)
      }
      case 'revoke': {
        const extra = revokePlain(m, process, a) - 1
        process.quantum -= extra
        process.reductions += extra
        return undefined
      }
      case 'monitor':
        return monitorPlain(m, process, a)
      case 'waitpid': {
        const got = waitPlain(m, process, a, waiting)
        return got === waiting ? got : { value: got }
      }
      case 'signal':
        return this.#signal(process, a, b)
      case 'suspend':
        return suspendPlain(m, liveTarget(m, process, a, 'kill'))
      case 'resume':
        return resumePlain(m, liveTarget(m, process, a, 'kill'))
      case 'term':
        return postPlain(m, liveTarget(m, process, a, 'kill'), { $: 'term', from: process.pid }, [])
      default:
        return this.#own(process, name, a, b)
    }
  }

  #signal(process: PlainProcess, target: unknown, reason: unknown): void {
    const victim = this.m.processes.get(targetPid(this.m, process, target, 'kill'))
    const kind = (reason as { kind?: string } | undefined)?.kind
    if (kind === 'odd') throw new ModelError('EINVAL')
    const why =
      kind === 'deadline' ? ({ kind } as const) : ({ kind: 'killed', by: process.pid as never } as const)
    if (victim) exitPlain(this.m, victim, why)
  }

  #own(process: PlainProcess, name: string, a: unknown, b: unknown): unknown {
    const { m } = this
    switch (name) {
      case 'register':
      case 'unregister':
      case 'lookup':
        return this.#naming(process, name, String(a))
      case 'sched':
        return schedPlain(m, process, a as Record<string, unknown>)
      case 'exit': {
        const kind = (a as { kind?: string } | undefined)?.kind ?? 'normal'
        if (kind !== 'normal' && kind !== 'shutdown') throw new ModelError('EINVAL')
        exitPlain(m, process, { kind })
        return ENDED
      }
      case 'onCleanup':
        process.cleanup.push(a as () => void)
        return undefined
      case 'now':
        return m.time.now()
      case 'log':
        if (a !== 'info') throw new ModelError('EINVAL')
        return undefined
      case 'yield':
        return undefined
      default:
        return memoryCall(m, process, name, a, b)
    }
  }

  #naming(process: PlainProcess, op: string, name: string): unknown {
    const { m } = this
    if (name.includes('\n')) throw new ModelError('EINVAL')
    const holder = m.names.get(name)
    if (op === 'lookup') return holder && mintPlain(m, process.pid, holder.pid, ['send'])
    if (op === 'register' && holder && holder !== process) throw new ModelError('EEXIST')
    if (op === 'register') {
      m.names.set(name, process)
      process.names.push(name)
    } else if (holder === process) {
      m.names.delete(name)
      process.names = process.names.filter((one) => one !== name)
    }
    return undefined
  }
}

function isHandle(m: Machine, process: PlainProcess, ref: unknown): boolean {
  return liveCap(m, process, ref).resource.kind === 'device'
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && ('value' in value || 'code' in value)
}

/** Runs a program on the plain model. */
export function runPlain(program: Program): Seen {
  return new PlainKernel(program).run()
}
