import type { Clock } from './abi.ts'
import type { EventTime } from './events.ts'

/**
 * Kernel time for telemetry. Reading a real clock costs as much as sending a short message, so what happens often is
 * stamped with the last reading; the dispatcher reads anew every few calls. A clock that moves only when the kernel moves
 * it costs nothing to read and is always exact.
 */
export class KernelTime implements EventTime {
  readonly #clock: Clock
  readonly #isSteady: boolean
  #lastMs: number

  constructor(clock: Clock, isSteady: boolean) {
    this.#clock = clock
    this.#isSteady = isSteady
    this.#lastMs = clock.now()
  }

  exact(): number {
    this.#lastMs = this.#clock.now()
    return this.#lastMs
  }

  lately(): number {
    return this.#isSteady ? this.exact() : this.#lastMs
  }
}
