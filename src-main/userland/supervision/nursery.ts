import type { ExitReason, ProcessImage, SpawnOptions, Sys } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { codeOf, UserlandError } from '../faults.ts'
import { isOrderly } from '../signals.ts'
import { type Child, createTether, type Tether } from './tether.ts'

const DEFAULT_GRACE_MS = 5000

/** Where the children of one nursery are started. */
export interface NurseryScope {
  /** As the `spawn` call. Rejects with ECANCELED once the nursery is being left. */
  spawn(image: ProcessImage, options?: SpawnOptions): Promise<Child>
  readonly isCancelled: boolean
}

export interface NurseryOptions {
  /** Milliseconds between asking siblings to end and killing them, default 5000. */
  readonly graceMs?: number
}

/** A child of a nursery failed (ECHILD): its reason is anything but normal, shutdown, or a kill by the nursery's owner. */
export class ChildFailed extends UserlandError {
  readonly pid: Pid
  readonly reason: ExitReason

  constructor(pid: Pid, name: string, reason: ExitReason) {
    const detail = reason.kind === 'fault' ? `: ${reason.error}` : ''
    super('ECHILD', `${name} (${pid}) ended with ${reason.kind}${detail}`)
    this.name = 'ChildFailed'
    this.pid = pid
    this.reason = reason
  }
}

/**
 * Structured concurrency: runs `body`, and settles only when every child started in its scope has ended. The first
 * child that fails, or the body's own throw, cancels the rest (Term, then kill) and is thrown once they are gone.
 * A body can't be interrupted: after a child's failure its own pending calls go on, but nobody waits for them and its
 * scope starts nothing more. Costs what its calls cost; children are tethered to the caller.
 */
export async function nursery<T>(
  sys: Sys,
  body: (scope: NurseryScope) => Promise<T>,
  options: NurseryOptions = {},
): Promise<T> {
  const room = new Nursery(sys)
  try {
    const running = (async () => body(room))()
    running.catch(() => undefined)
    const value = await Promise.race([room.failure, running])
    await room.ended()
    return value
  } catch (error) {
    await room.cancel(options.graceMs ?? DEFAULT_GRACE_MS)
    throw error
  } finally {
    room.close()
  }
}

class Nursery implements NurseryScope {
  /** Rejects with the first failure of a child; never resolves. */
  readonly failure: Promise<never>
  readonly #sys: Sys
  readonly #tether: Tether
  readonly #living = new Map<Child, Promise<void>>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #owned: Child[] = []
  #fail: (error: ChildFailed) => void = () => undefined
  #isLeft = false

  constructor(sys: Sys) {
    this.#sys = sys
    this.#tether = createTether(sys)
    this.failure = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failure.catch(() => undefined)
  }

  get isCancelled(): boolean {
    return this.#isLeft
  }

  async spawn(image: ProcessImage, options?: SpawnOptions): Promise<Child> {
    if (this.#isLeft) throw new UserlandError('ECANCELED', 'the nursery is being left')
    const starting = this.#adopt(image, options)
    this.#starting.add(starting)
    try {
      return await starting
    } finally {
      this.#starting.delete(starting)
    }
  }

  /** Resolves when no child lives or is being started; rejects with the first failure. */
  async ended(): Promise<void> {
    while (this.#living.size > 0 || this.#starting.size > 0) {
      await Promise.race([this.failure, this.#quiet()])
    }
    this.#isLeft = true
  }

  /** Asks every child to end, kills what is left after `graceMs`, and returns when all are dead. */
  async cancel(graceMs: number): Promise<void> {
    this.#isLeft = true
    await Promise.allSettled(this.#starting)
    if (graceMs > 0) {
      for (const { cap } of this.#living.keys()) await this.#sys.term(cap).catch(unlessGone)
      if (this.#living.size > 0) await Promise.race([this.#quiet(), this.#sys.sleep(graceMs)])
    }
    for (const { cap } of this.#living.keys()) await this.#sys.signal(cap)
    await this.#quiet()
  }

  close(): void {
    for (const { cap } of this.#owned) this.#sys.revoke(cap)
    this.#tether.close()
  }

  async #quiet(): Promise<void> {
    await Promise.allSettled([...this.#living.values(), ...this.#starting])
  }

  /** The body gets a capability of its own: should it revoke that, the child can still be waited for and ended. */
  async #adopt(image: ProcessImage, options?: SpawnOptions): Promise<Child> {
    const child = await this.#tether.spawn(image, options)
    this.#owned.push(child)
    this.#living.set(child, this.#watch(child, image.name))
    return { pid: child.pid, cap: this.#sys.attenuate(child.cap, {}) }
  }

  async #watch(child: Child, name: string): Promise<void> {
    const reason = await this.#sys.waitpid(child.cap)
    this.#living.delete(child)
    const isOwnKill = reason.kind === 'killed' && reason.by === this.#sys.self()
    if (!isOrderly(reason) && !isOwnKill) this.#fail(new ChildFailed(child.pid, name, reason))
  }
}

function unlessGone(error: unknown): void {
  if (codeOf(error) !== 'ESRCH') throw error
}
