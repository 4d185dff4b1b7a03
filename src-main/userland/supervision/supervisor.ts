import type { BootGrant, ExitReason, Message, ProcessImage, SpawnOptions, Sys } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { codeOf, messageOf } from '../faults.ts'
import { downOf, fromKernel, isFromKernel, isOrderly, isTerm } from '../signals.ts'
import { type ChildSpec, checkSupervisorSpec, type Granted, type SupervisorSpec } from './child-spec.ts'
import { RestartBudget } from './restart-budget.ts'
import { type Child, createTether, type Tether } from './tether.ts'

const DEFAULT_SHUTDOWN_MS = 5000

/**
 * A process that starts children, restarts those that fail, and gives up when they fail too often (OTP's supervisor).
 *
 * Children start left to right and stop right to left. A start that fails ends the supervisor with fault at first, and
 * counts as one more restart later. More than `intensity` restarts inside `period` end it with fault; Term ends it with
 * shutdown. Either way its children are stopped before; when it is killed, they follow it by their tether. A group
 * restart counts once. A transient child that ended normally stays down until its group restarts.
 * Throws EINVAL for a bad specification.
 */
export function supervisor(spec: SupervisorSpec): ProcessImage {
  checkSupervisorSpec(spec)
  return { name: spec.name ?? 'supervisor', main: (sys) => new Supervision(sys, spec).run() }
}

/** A child's place in the start order. */
interface Slot {
  readonly spec: ChildSpec
  running: Child | undefined
}

class Supervision {
  readonly #sys: Sys
  readonly #spec: SupervisorSpec
  readonly #tether: Tether
  readonly #budget: RestartBudget
  #slots: Slot[]
  /** Slots whose restart failed, to be tried again after what has already arrived. */
  readonly #retries: Slot[] = []
  /** Ends of children heard while waiting for another one's. */
  #downs: { readonly pid: Pid; readonly reason: ExitReason }[] = []
  #isTermed = false
  #granted: Granted = { devices: {}, caps: [] }

  constructor(sys: Sys, spec: SupervisorSpec) {
    this.#sys = sys
    this.#spec = spec
    this.#tether = createTether(sys)
    this.#budget = new RestartBudget(spec.intensity ?? 1, spec.period ?? 5000)
    this.#slots = spec.children.map((child) => ({ spec: child, running: undefined }))
  }

  async run(): Promise<void> {
    await this.#takeGrant()
    const failed = await this.#start(this.#slots)
    if (failed) return this.#end({ kind: 'fault', error: `child ${failed.slot.spec.id}: ${failed.error}` })
    for (;;) {
      if (this.#isTermed) return this.#end({ kind: 'shutdown' })
      const down = this.#downs.shift()
      if (down) await this.#ended(down.pid, down.reason)
      else if (this.#retries.length === 0) this.#note(await this.#sys.recv())
      else if (!(await this.#poll())) await this.#retry()
    }
  }

  /** Only asked for when a child's capabilities are chosen from it; the kernel put it first in the mailbox. */
  async #takeGrant(): Promise<void> {
    if (!this.#slots.some(({ spec }) => typeof spec.caps === 'function')) return
    const first = await this.#sys.recv({ timeoutMs: 0 }).catch(unlessTimedOut)
    if (!first) return
    // Given nothing, the first message may be anyone's: what a stranger lends is not passed on to children.
    if (isFromKernel(first)) {
      this.#granted = { devices: fromKernel<BootGrant>(first, 'boot')?.devices ?? {}, caps: first.caps }
    }
    this.#note(first)
  }

  /** Starts in order. Stops at the first that can't be started, and says which. */
  async #start(slots: readonly Slot[]): Promise<{ slot: Slot; error: string } | undefined> {
    for (const slot of slots) {
      try {
        slot.running = await this.#tether.spawn(slot.spec.image, this.#optionsOf(slot.spec))
      } catch (error) {
        this.#sys.log('warn', 'child could not be started', { id: slot.spec.id, error: messageOf(error) })
        return { slot, error: messageOf(error) }
      }
    }
    return undefined
  }

  #optionsOf(spec: ChildSpec): SpawnOptions {
    const { args, caps, quota, priority, deadline } = spec
    const chosen = typeof caps === 'function' ? caps(this.#granted) : caps
    return {
      link: true,
      ...(args === undefined ? {} : { args }),
      ...(chosen === undefined ? {} : { caps: chosen }),
      ...(quota === undefined ? {} : { quota }),
      ...(priority === undefined ? {} : { priority }),
      ...(deadline === undefined ? {} : { deadline }),
    }
  }

  /** A child ended by itself. */
  async #ended(pid: Pid, reason: ExitReason): Promise<void> {
    const slot = this.#slots.find(({ running }) => running?.pid === pid)
    if (!slot) return
    this.#forget(slot)
    const { id, restart } = slot.spec
    this.#sys.log(isOrderly(reason) ? 'info' : 'warn', 'child ended', { id, reason })
    if (restart === 'permanent' || (restart === 'transient' && !isOrderly(reason))) await this.#restart(slot)
    else if (restart === 'temporary') this.#slots = this.#slots.filter((one) => one !== slot)
  }

  async #retry(): Promise<void> {
    const slot = this.#retries.shift()
    // A group restart in between may have started it.
    if (slot && !slot.running) await this.#restart(slot)
  }

  async #restart(failed: Slot): Promise<void> {
    if (!this.#budget.hasRoom(this.#sys.now())) {
      const { intensity = 1, period = 5000 } = this.#spec
      const error = `child ${failed.spec.id}: more than ${intensity} restarts in ${period} ms`
      return this.#end({ kind: 'fault', error })
    }
    const group = this.#groupOf(failed)
    await this.#stop(group)
    // What hung on the ended children by a tether leaves in its next dispatch, and its budget and names with it.
    await this.#sys.yield()
    this.#slots = this.#slots.filter((slot) => slot.spec.restart !== 'temporary' || !group.includes(slot))
    this.#budget.book(this.#sys.now())
    const problem = await this.#start(group.filter((slot) => this.#slots.includes(slot)))
    if (problem) this.#retries.push(problem.slot)
  }

  #groupOf(failed: Slot): readonly Slot[] {
    if (this.#spec.strategy === 'one_for_one') return [failed]
    if (this.#spec.strategy === 'one_for_all') return this.#slots
    return this.#slots.slice(this.#slots.indexOf(failed))
  }

  async #stop(slots: readonly Slot[]): Promise<void> {
    for (const slot of [...slots].reverse()) {
      const { running } = slot
      if (!running) continue
      await this.#stopOne(running, slot.spec.shutdown ?? DEFAULT_SHUTDOWN_MS)
      this.#forget(slot)
    }
  }

  /** Asks, waits, kills; returns when the child is dead and its end has been heard, so that it counts as no failure. */
  async #stopOne({ pid, cap }: Child, graceMs: number | 'infinity'): Promise<void> {
    if (graceMs !== 0) {
      await this.#sys.term(cap).catch((error: unknown) => {
        // It died a moment ago: its Down is on the way.
        if (codeOf(error) !== 'ESRCH') throw error
      })
      if (await this.#hearDown(pid, graceMs === 'infinity' ? undefined : this.#sys.now() + graceMs)) return
    }
    await this.#sys.signal(cap)
    await this.#hearDown(pid, undefined)
  }

  /** Waits for one child's end and keeps the others'. False when `untilMs` passed first. */
  async #hearDown(pid: Pid, untilMs: number | undefined): Promise<boolean> {
    for (;;) {
      if (this.#downs.some((down) => down.pid === pid)) {
        this.#downs = this.#downs.filter((down) => down.pid !== pid)
        return true
      }
      if (untilMs === undefined) this.#note(await this.#sys.recv())
      else {
        const timeoutMs = untilMs - this.#sys.now()
        const message = timeoutMs > 0 && (await this.#sys.recv({ timeoutMs }).catch(unlessTimedOut))
        if (!message) return false
        this.#note(message)
      }
    }
  }

  /** Takes one message that is there already. */
  async #poll(): Promise<boolean> {
    const message = await this.#sys.recv({ timeoutMs: 0 }).catch(unlessTimedOut)
    if (message) this.#note(message)
    return message !== undefined
  }

  /** Only the kernel is listened to; anyone may send here, and nothing of theirs is kept. */
  #note(message: Message): void {
    const down = downOf(message)
    if (down) this.#downs.push({ pid: down.pid, reason: down.reason })
    else if (isTerm(message)) this.#isTermed = true
  }

  /** A dead child's capability is given back, or restarts would pile them up. */
  #forget(slot: Slot): void {
    if (slot.running) this.#sys.revoke(slot.running.cap)
    slot.running = undefined
  }

  async #end(reason: ExitReason): Promise<void> {
    await this.#stop(this.#slots)
    this.#tether.close()
    await this.#sys.exit(reason)
  }
}

function unlessTimedOut(error: unknown): undefined {
  if (codeOf(error) !== 'ETIMEDOUT') throw error
}
