import { nodePowers } from '../drivers/host-powers.ts'
import type { Clock, KernelConfig, Message } from './abi.ts'
import { type SealedEnvelope, Seals } from './envelope.ts'
import type { Pid } from './ids.ts'
import { Kernel } from './kernel.ts'
import { collector, sharedKey } from './remote-pair.fixture.ts'
import type { IngressResult } from './routes.ts'
import { image } from './test-kernel.ts'

export const MINUTE = 60_000
export const START = 1_700_000_000_000

/** Time that only a test moves; the wall clock and the monotonic one apart, as on a real machine. */
export class HandClock implements Clock {
  wallMs = START
  #nowMs = 0
  #timers: { atMs: number; fire: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  epochMs(): number {
    return this.wallMs
  }

  setTimer(ms: number, fire: () => void) {
    const timer = { atMs: this.#nowMs + ms, fire }
    this.#timers.push(timer)
    const cancel = (): void => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
    return { cancel }
  }

  get waiting(): number {
    return this.#timers.length
  }

  pass(ms: number): void {
    this.#nowMs += ms
    this.wallMs += ms
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs)
    for (const { fire } of due) fire()
  }
}

/** A kernel named b that has run for an hour, with a process that keeps what arrives. */
export function node(config: Partial<KernelConfig> = {}) {
  const clock = new HandClock()
  const kernel = new Kernel({ powers: nodePowers(), transportKey: sharedKey, ...config, clock, node: 'b' })
  const root = image('root', async (sys) => void (await sys.recv({ corr: 'never' as never })))
  void kernel.boot(root, { grant: [], quota: {} })
  clock.pass(60 * MINUTE)
  const { pid, seen } = collector(kernel)
  const seals = new Seals(nodePowers(), () => clock.wallMs)
  const seal = (more: object = {}, key: Uint8Array = sharedKey): SealedEnvelope =>
    seals.seal(key, { to: pid, from: 'a', body: 'hi', ...more })
  const resultOf = (envelope: unknown): IngressResult => kernel.receive(envelope).result
  return { kernel, clock, pid, seen, seal, resultOf }
}

/** Gives a kernel a root that stays, and a process that keeps what arrives. */
export function collectorOn(kernel: Kernel): { pid: Pid; seen: Message[] } {
  const root = image('root', async (sys) => void (await sys.recv({ corr: 'never' as never })))
  void kernel.boot(root, { grant: [], quota: {} })
  return collector(kernel)
}
