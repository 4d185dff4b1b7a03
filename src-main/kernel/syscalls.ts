import type { LogLevel, Sys } from './abi.ts'
import { attenuate, derive, lookup, register, revoke, selfCap, targetOf, unregister } from './cap-calls.ts'
import { copyBody } from './copy.ts'
import { type Core, liveProcess, never, parseMs, requireAlive, setTimer } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import { openDevice, readAll, transfer } from './io.ts'
import { postTerm, recv, send } from './ipc.ts'
import { reschedule, resume, suspend } from './lifetime.ts'
import type { CallCount } from './metrics.ts'
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

/** The surface while it is made. */
type Surface = { -readonly [K in keyof Sys]: Sys[K] }

/** Builds the frozen, prototype-less object a body receives; its methods close over the pid and ignore `this`. */
export function createSys(core: Core, process: Process): Sys {
  // The prototype goes while there is nothing to carry over, and before the calls come: an object made without one is
  // a slow table, and taking it off a full one costs as much as all the rest.
  const surface = Object.setPrototypeOf({}, null) as Surface
  addProcessCalls(surface, core, process)
  addSelfCalls(surface, core, process)
  addMessageCalls(surface, core, process)
  addCapabilityCalls(surface, core, process)
  addDeviceCalls(surface, core, process)
  addMemoryCalls(surface, core, process)
  return Object.freeze(surface)
}

/** A call that answers at once; a dead caller's throws EDEAD. */
function now<T>(core: Core, process: Process, call: CallCount, reductions: number, body: () => T): T {
  process.tape?.catchUp()
  if (process.isDead) throw new KernelError('EDEAD', 'process has ended')
  core.dispatcher.enter(process, call, reductions)
  try {
    return body()
  } catch (error) {
    throw counted(core, call.name, error)
  }
}

/** A call that may park; a dead caller's never settles. */
function later<T>(
  core: Core,
  process: Process,
  call: CallCount,
  reductions: number,
  body: () => Promise<T>,
): Promise<T> {
  process.tape?.catchUp()
  if (process.isDead) return never()
  core.dispatcher.enter(process, call, reductions)
  try {
    return body()
  } catch (error) {
    return core.dispatcher.refuse(process, counted(core, call.name, error))
  }
}

/** As `later`, for work that is done at once but answers with a promise. */
function soon<T>(core: Core, process: Process, call: CallCount, body: () => T, reductions = 1): Promise<T> {
  return later(core, process, call, reductions, () => {
    const value = body()
    return process.isDead ? never<T>() : core.dispatcher.answer(process, value)
  })
}

/** What a caller's own getter throws is the caller's malformed argument. */
function counted(core: Core, name: string, error: unknown): KernelError {
  const known =
    error instanceof KernelError ? error : new KernelError('EINVAL', textOf(error), { cause: error })
  core.metrics.add('syscall_errors_total', 1, name, known.code)
  return known
}

function addProcessCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  sys.self = () => now(core, process, calls.self, 0, () => process.pid)
  sys.spawn = (image, options) =>
    soon(core, process, calls.spawn, () => spawn(core, process, image, options), SPAWN_COST)
  sys.exit = (reason) =>
    later(core, process, calls.exit, 0, () => {
      core.exit(process, parseOwnReason(reason, process.pid))
      return never<never>()
    })
  sys.monitor = (target) =>
    soon(core, process, calls.monitor, () =>
      monitor(core, process, targetOf(core, process, target, 'monitor')),
    )
  sys.waitpid = (target) =>
    later(core, process, calls.waitpid, 1, () =>
      waitpid(core, process, targetOf(core, process, target, 'monitor')),
    )
  sys.signal = (target, reason) =>
    soon(core, process, calls.signal, () => {
      const victim = core.processes.get(targetOf(core, process, target, 'kill'))
      const why = parseReason(reason, process.pid)
      requireAlive(process)
      if (victim) core.exit(victim, why)
    })
  sys.suspend = (target) =>
    soon(core, process, calls.suspend, () =>
      suspend(core, liveProcess(core, targetOf(core, process, target, 'kill'))),
    )
  sys.resume = (target) =>
    soon(core, process, calls.resume, () =>
      resume(core, liveProcess(core, targetOf(core, process, target, 'kill'))),
    )
  sys.term = (target) =>
    soon(core, process, calls.term, () =>
      postTerm(core, liveProcess(core, targetOf(core, process, target, 'kill')), process.pid),
    )
}

/** Time, the caller's own budget and scheduling, and what it leaves behind. */
function addSelfCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  sys.sleep = (ms) =>
    later(core, process, calls.sleep, 1, () => {
      const wait = parseMs(ms, 'ms')
      const park = core.dispatcher.park(process, 'sleep')
      park.timer = setTimer(core, process, wait, () => core.dispatcher.complete(park, undefined))
      return park.promise as Promise<void>
    })
  sys.yield = () => later(core, process, calls.yield, 1, () => core.dispatcher.yieldSlice(process))
  sys.sched = (change) => now(core, process, calls.sched, 1, () => reschedule(core, process, change))
  sys.budget = () => now(core, process, calls.budget, 0, () => budgetOf(core, process))
  sys.now = () => now(core, process, calls.now, 0, () => process.tape?.now(process) ?? core.clock.now())
  sys.onCleanup = (hook) =>
    now(core, process, calls.onCleanup, 0, () => {
      if (typeof hook !== 'function') throw new KernelError('EINVAL', 'a cleanup hook is a function')
      process.cleanup ??= []
      process.cleanup.push(hook)
    })
  sys.log = (level, message, fields) =>
    now(core, process, calls.log, 1, () => {
      if (!LEVELS.includes(level)) throw new KernelError('EINVAL', 'unknown log level')
      const entry = { kind: 'log', level, message: String(message) } as const
      core.events.push(process.pid, fields === undefined ? entry : { ...entry, fields: copyBody(fields) })
    })
}

function addMessageCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  // The receiver can't be typed by the kernel: a body is whatever its sender copied in.
  sys.recv = ((options) =>
    later(core, process, calls.recv, 1, () => recv(core, process, options))) as Sys['recv']
  sys.send = (target, body, options) =>
    later(core, process, calls.send, 1, () => send(core, process, target, body, options))
  sys.register = (name) => now(core, process, calls.register, 1, () => register(core, process, name))
  sys.unregister = (name) => now(core, process, calls.unregister, 1, () => unregister(core, process, name))
  sys.lookup = (name) => soon(core, process, calls.lookup, () => lookup(core, process, name))
  sys.dial = (node, pid) => now(core, process, calls.dial, 1, () => dial(core, process, node, pid))
  sys.spawnRemote = (node, image, args) =>
    later(core, process, calls.spawnRemote, SPAWN_COST, () => spawnRemote(core, process, node, image, args))
}

function addCapabilityCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  sys.selfCap = () => now(core, process, calls.selfCap, 1, () => selfCap(core, process))
  sys.derive = (cap, rights) => now(core, process, calls.derive, 1, () => derive(core, process, cap, rights))
  sys.attenuate = (cap, to) => now(core, process, calls.attenuate, 1, () => attenuate(core, process, cap, to))
  sys.revoke = (cap) => now(core, process, calls.revoke, 1, () => revoke(core, process, cap))
}

function addDeviceCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  sys.open = (device, params) =>
    later(core, process, calls.open, 1, () => openDevice(core, process, device, params))
  // What a driver answers is typed by its caller's expectation alone, as with recv.
  sys.read = ((handle, request) =>
    later(core, process, calls.read, 1, () =>
      transfer(core, process, handle, 'read', request),
    )) as Sys['read']
  sys.readAll = ((handle, requests) =>
    later(core, process, calls.readAll, Array.isArray(requests) ? Math.max(1, requests.length) : 1, () =>
      readAll(core, process, handle, requests),
    )) as Sys['readAll']
  sys.write = ((handle, data) =>
    later(core, process, calls.write, 1, () =>
      transfer(core, process, handle, 'write', data),
    )) as Sys['write']
}

function addMemoryCalls(sys: Surface, core: Core, process: Process): void {
  const { calls } = core.metrics
  sys.remember = (body, options) =>
    later(core, process, calls.remember, 1, () => remember(core, process, body, options))
  sys.workingSet = () => now(core, process, calls.workingSet, 1, () => workingSet(process))
  sys.recall = (query, k) => later(core, process, calls.recall, 1, () => recall(core, process, query, k))
  sys.forget = (id) => now(core, process, calls.forget, 1, () => forget(core, process, id))
  sys.pin = (id, on) => now(core, process, calls.pin, 1, () => pin(process, id, on ?? true))
}
