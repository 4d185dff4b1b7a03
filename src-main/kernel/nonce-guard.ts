/** How long a nonce is remembered: twice the replay window, so that forgetting one can never re-admit its envelope. */
const KEEP_MS = 10 * 60_000
/** Nonces held at once; about 100 bytes each. Past it nothing new is let in until old ones have aged out. */
const MAX_NONCES = 1 << 20
/** The window moves in steps of a quarter, so that ageing drops whole generations instead of single entries. */
const STEPS = 4

/**
 * Remembers which nonces were seen, and what became of their envelopes. Memory is bounded, and it fails shut: when it
 * is full of nonces that are still needed, `hasRoom` is false and the caller lets nothing in.
 */
export class NonceGuard<Outcome extends string> {
  readonly #generations = new Map<number, Map<string, Outcome>>()
  readonly #stepMs: number
  readonly #max: number
  #size = 0

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
      this.#size -= generation.size
    }
  }

  get hasRoom(): boolean {
    return this.#size < this.#max
  }

  /** What became of an envelope with this nonce; undefined when it was not seen within the window. */
  outcomeOf(nonce: string): Outcome | undefined {
    for (const generation of this.#generations.values()) {
      const outcome = generation.get(nonce)
      if (outcome !== undefined) return outcome
    }
    return undefined
  }

  remember(nonce: string, outcome: Outcome, nowMs: number): void {
    const step = Math.floor(nowMs / this.#stepMs)
    let generation = this.#generations.get(step)
    if (!generation) {
      generation = new Map()
      this.#generations.set(step, generation)
    }
    if (!generation.has(nonce)) this.#size++
    generation.set(nonce, outcome)
  }
}
