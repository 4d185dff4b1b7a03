import type { LogLevel, Sys, SyscallName } from './abi.ts'
import { attenuate, derive, lookup, register, revoke, selfCap, targetOf, unregister } from './cap-calls.ts'
import { copyBody } from './copy.ts'
import { type Core, liveProcess, never, parseMs, setTimer } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import { openDevice, readAll, transfer } from './io.ts'
import { postTerm, recv, send } from './ipc.ts'
import { reschedule, resume, suspend } from './lifetime.ts'
import { forget, pin, recall, remember, workingSet } from './paging.ts'
import type { Process } from './process.ts'
import { parseOwnReason, parseReason } from './reasons.ts'
import { dial, spawnRemote } from './remote.ts'
import { spawn } from './spawn.ts'
import { budgetOf } from './usage.ts'
import { monitor, waitpid } from './watch.ts'

/** The syscall surface of one process: each call is booked, checked, done; and nothing of the kernel shows through. */

const SPAWN_COST = 4
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Builds the frozen, prototype-less object a body receives; its methods close over the pid and ignore `this`. */
export function createSys(core: Core, process: Process): Sys {
  const surface: Sys = {
    ...processCalls(core, process),
    ...selfCalls(core, process),
    ...messageCalls(core, process),
    ...capabilityCalls(core, process),
    ...deviceCalls(core, process),
    ...memoryCalls(core, process),
  }
  // Taking the prototype off afterwards keeps one shape for all processes; an object made without one is a slow table.
  return Object.freeze(Object.setPrototypeOf(surface, null) as Sys)
}

/** A call that answers at once; a dead caller's throws EDEAD. */
function now<T>(core: Core, process: Process, name: SyscallName, reductions: number, body: () => T): T {
  process.tape?.catchUp()
  if (process.isDead) throw new KernelError('EDEAD', 'process has ended')
  core.dispatcher.enter(process, name, reductions)
  try {
    return body()
  } catch (error) {
    throw counted(core, name, error)
  }
}

/** A call that may park; a dead caller's never settles. */
function later<T>(
  core: Core,
  process: Process,
  name: SyscallName,
  reductions: number,
  body: () => Promise<T>,
): Promise<T> {
  process.tape?.catchUp()
  if (process.isDead) return never()
  core.dispatcher.enter(process, name, reductions)
  try {
    return body()
  } catch (error) {
    return core.dispatcher.refuse(process, counted(core, name, error))
  }
}

/** As `later`, for work that is done at once but answers with a promise. */
function soon<T>(core: Core, process: Process, name: SyscallName, body: () => T, reductions = 1): Promise<T> {
  return later(core, process, name, reductions, () => {
    const value = body()
    return process.isDead ? never<T>() : core.dispatcher.answer(process, value)
  })
}

/** What a caller's own getter throws is the caller's malformed argument. */
function counted(core: Core, name: SyscallName, error: unknown): KernelError {
  const known =
    error instanceof KernelError ? error : new KernelError('EINVAL', textOf(error), { cause: error })
  core.metrics.add('syscall_errors_total', 1, name, known.code)
  return known
}

function processCalls(core: Core, process: Process) {
  return {
    self: () => now(core, process, 'self', 0, () => process.pid),
    spawn: (image, options) =>
      soon(core, process, 'spawn', () => spawn(core, process, image, options), SPAWN_COST),
    exit: (reason) =>
      later(core, process, 'exit', 0, () => {
        core.exit(process, parseOwnReason(reason, process.pid))
        return never<never>()
      }),
    monitor: (target) =>
      soon(core, process, 'monitor', () =>
        monitor(core, process, targetOf(core, process, target, 'monitor')),
      ),
    waitpid: (target) =>
      later(core, process, 'waitpid', 1, () =>
        waitpid(core, process, targetOf(core, process, target, 'monitor')),
      ),
    signal: (target, reason) =>
      soon(core, process, 'signal', () => {
        const why = parseReason(reason, process.pid)
        const victim = core.processes.get(targetOf(core, process, target, 'kill'))
        if (victim) core.exit(victim, why)
      }),
    suspend: (target) =>
      soon(core, process, 'suspend', () =>
        suspend(core, liveProcess(core, targetOf(core, process, target, 'kill'))),
      ),
    resume: (target) =>
      soon(core, process, 'resume', () =>
        resume(core, liveProcess(core, targetOf(core, process, target, 'kill'))),
      ),
    term: (target) =>
      soon(core, process, 'term', () =>
        postTerm(core, liveProcess(core, targetOf(core, process, target, 'kill')), process.pid),
      ),
  } satisfies Partial<Sys>
}

/** Time, the caller's own budget and scheduling, and what it leaves behind. */
function selfCalls(core: Core, process: Process) {
  return {
    sleep: (ms) =>
      later(core, process, 'sleep', 1, () => {
        const wait = parseMs(ms, 'ms')
        const park = core.dispatcher.park(process, 'sleep')
        park.timer = setTimer(core, process, wait, () => core.dispatcher.complete(park, undefined))
        return park.promise as Promise<void>
      }),
    yield: () => later(core, process, 'yield', 1, () => core.dispatcher.yieldSlice(process)),
    sched: (change) => now(core, process, 'sched', 1, () => reschedule(core, process, change)),
    budget: () => now(core, process, 'budget', 0, () => budgetOf(core, process)),
    now: () => now(core, process, 'now', 0, () => process.tape?.now(process) ?? core.clock.now()),
    onCleanup: (hook) =>
      now(core, process, 'onCleanup', 0, () => {
        if (typeof hook !== 'function') throw new KernelError('EINVAL', 'a cleanup hook is a function')
        process.cleanup ??= []
        process.cleanup.push(hook)
      }),
    log: (level, message, fields) =>
      now(core, process, 'log', 1, () => {
        if (!LEVELS.includes(level)) throw new KernelError('EINVAL', 'unknown log level')
        const entry = { kind: 'log', level, message: String(message) } as const
        core.events.push(process.pid, fields === undefined ? entry : { ...entry, fields: copyBody(fields) })
      }),
  } satisfies Partial<Sys>
}

function messageCalls(core: Core, process: Process) {
  return {
    // The receiver can't be typed by the kernel: a body is whatever its sender copied in.
    recv: ((options) => later(core, process, 'recv', 1, () => recv(core, process, options))) as Sys['recv'],
    send: (target, body, options) =>
      later(core, process, 'send', 1, () => send(core, process, target, body, options)),
    register: (name) => now(core, process, 'register', 1, () => register(core, process, name)),
    unregister: (name) => now(core, process, 'unregister', 1, () => unregister(core, process, name)),
    lookup: (name) => soon(core, process, 'lookup', () => lookup(core, process, name)),
    dial: (node, pid) => now(core, process, 'dial', 1, () => dial(core, process, node, pid)),
    spawnRemote: (node, image, args) =>
      later(core, process, 'spawnRemote', SPAWN_COST, () => spawnRemote(core, process, node, image, args)),
  } satisfies Partial<Sys>
}

function capabilityCalls(core: Core, process: Process) {
  return {
    selfCap: () => now(core, process, 'selfCap', 1, () => selfCap(core, process)),
    derive: (cap, rights) => now(core, process, 'derive', 1, () => derive(core, process, cap, rights)),
    attenuate: (cap, to) => now(core, process, 'attenuate', 1, () => attenuate(core, process, cap, to)),
    revoke: (cap) => now(core, process, 'revoke', 1, () => revoke(core, process, cap)),
  } satisfies Partial<Sys>
}

function deviceCalls(core: Core, process: Process) {
  return {
    open: (device, params) =>
      later(core, process, 'open', 1, () => openDevice(core, process, device, params)),
    // What a driver answers is typed by its caller's expectation alone, as with recv.
    read: ((handle, request) =>
      later(core, process, 'read', 1, () => transfer(core, process, handle, 'read', request))) as Sys['read'],
    readAll: ((handle, requests) =>
      later(core, process, 'readAll', Array.isArray(requests) ? Math.max(1, requests.length) : 1, () =>
        readAll(core, process, handle, requests),
      )) as Sys['readAll'],
    write: ((handle, data) =>
      later(core, process, 'write', 1, () => transfer(core, process, handle, 'write', data))) as Sys['write'],
  } satisfies Partial<Sys>
}

function memoryCalls(core: Core, process: Process) {
  return {
    remember: (body, options) =>
      later(core, process, 'remember', 1, () => remember(core, process, body, options)),
    workingSet: () => now(core, process, 'workingSet', 1, () => workingSet(process)),
    recall: (query, k) => later(core, process, 'recall', 1, () => recall(core, process, query, k)),
    forget: (id) => now(core, process, 'forget', 1, () => forget(core, process, id)),
    pin: (id, on) => now(core, process, 'pin', 1, () => pin(process, id, on ?? true)),
  } satisfies Partial<Sys>
}
