/** How long a nonce is remembered: twice the replay window, so that forgetting one can never re-admit its envelope. */
const KEEP_MS = 10 * 60_000
/** Nonces held at once; about 100 bytes each. Past it nothing new is let in until old ones have aged out. */
const MAX_NONCES = 1 << 20
/** The window moves in steps of a quarter, so that ageing drops whole generations instead of single entries. */
const STEPS = 4

/** What was seen within one step of the window. */
interface Generation<Outcome> {
  readonly outcomes: Map<string, Outcome>
  latestTs: number
}

/**
 * Remembers which nonces were seen, and what became of their envelopes. Memory is bounded, and it fails shut: when it
 * is full of nonces that are still needed, `hasRoom` is false and the caller lets nothing in.
 */
export class NonceGuard<Outcome extends string> {
  readonly #generations = new Map<number, Generation<Outcome>>()
  readonly #stepMs: number
  readonly #max: number
  #size = 0
  #forgottenTs = Number.NEGATIVE_INFINITY

  constructor(options: { keepMs?: number; maxNonces?: number } = {}) {
    this.#stepMs = (options.keepMs ?? KEEP_MS) / STEPS
    this.#max = options.maxNonces ?? MAX_NONCES
  }

  get size(): number {
    return this.#size
  }

  /** Drops what is older than the window. `nowMs` is monotonic. */
  age(nowMs: number): void {
    const oldest = Math.floor(nowMs / this.#stepMs) - STEPS
    for (const [step, generation] of this.#generations) {
      if (step >= oldest) continue
      this.#generations.delete(step)
      this.#size -= generation.outcomes.size
      this.#forgottenTs = Math.max(this.#forgottenTs, generation.latestTs)
    }
  }

  /**
   * Whether an envelope of that time may be one whose nonce was forgotten. While the wall clock runs on, such a time is
   * outside the replay window anyway; a clock that was set back makes old envelopes look fresh again.
   */
  mayHaveForgotten(ts: number): boolean {
    return ts <= this.#forgottenTs
  }

  get hasRoom(): boolean {
    return this.#size < this.#max
  }

  /** What became of an envelope with this nonce; undefined when it was not seen within the window. */
  outcomeOf(nonce: string): Outcome | undefined {
    for (const { outcomes } of this.#generations.values()) {
      const outcome = outcomes.get(nonce)
      if (outcome !== undefined) return outcome
    }
    return undefined
  }

  /** `ts` is the envelope's own time, in wall-clock ms. */
  remember(nonce: string, outcome: Outcome, nowMs: number, ts: number): void {
    const step = Math.floor(nowMs / this.#stepMs)
    let generation = this.#generations.get(step)
    if (!generation) {
      generation = { outcomes: new Map(), latestTs: ts }
      this.#generations.set(step, generation)
    }
    if (!generation.outcomes.has(nonce)) this.#size++
    generation.outcomes.set(nonce, outcome)
    generation.latestTs = Math.max(generation.latestTs, ts)
  }
}
