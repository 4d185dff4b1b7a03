import type { Timer } from './abi.ts'
import type { Core } from './core.ts'
import type { SealedEnvelope } from './envelope.ts'
import { KernelError } from './errors.ts'
import type { Pid } from './ids.ts'
import type { RemoteBody } from './remote-body.ts'
import type { IngressAnswer, IngressResult } from './routes.ts'

/**
 * One message on its way to another node. The same envelope is presented until its fate is known: the receiver delivers
 * it at most once and answers every copy with the same proven outcome, so nothing arrives twice and nothing is claimed
 * that did not happen. Only an outcome that is final for that envelope lets a new one be sealed.
 */

const NEVER = Number.POSITIVE_INFINITY
const FIRST_PAUSE_MS = 10
const MAX_PAUSE_MS = 1000
/** Answers without proof in a row, after which the key is taken to be wrong rather than the line to be bad. */
const MAX_UNPROVEN = 8

/** How a transmission ended. */
export type Fate = 'delivered' | 'expired' | 'cancelled' | KernelError

/** What is to be transmitted. */
export interface Parcel {
  readonly node: string
  readonly to: Pid
  readonly body: RemoteBody
  /** Absolute kernel ms after which it is of no use; Infinity for never. */
  readonly deadlineAt: number
  /** Somebody counts it as in flight from end to end; while it pauses, virtual time may pass all the same. */
  readonly isHeld: boolean
  /** Told once. */
  readonly ended: (fate: Fate) => void
}

export class Transmission {
  readonly #core: Core
  readonly #parcel: Parcel
  #envelope: SealedEnvelope | undefined
  #key: Uint8Array | undefined
  /** A copy of the present envelope may have arrived without our knowing. */
  #isInDoubt = false
  #unproven = 0
  #pauseMs = FIRST_PAUSE_MS
  #giveUpAt = 0
  #timer: Timer | undefined
  #isPaused = false
  #isOver = false
  #isStarted = false

  constructor(core: Core, parcel: Parcel) {
    this.#core = core
    this.#parcel = parcel
  }

  start(): void {
    this.#isStarted = true
    this.#hope()
    this.#present()
  }

  /** Nobody waits any more. A copy that is under way may still arrive. */
  cancel(): void {
    this.#finish('cancelled')
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  /** Somebody at the other end lives: patience begins anew. */
  #hope(): void {
    this.#giveUpAt = this.#core.clock.now() + this.#core.routes.sendTimeoutMs
  }

  #present(): void {
    if (this.#isOver || this.#isTooLate()) return
    const { dispatcher } = this.#core
    let answer: unknown
    try {
      const forward = this.#core.routes.forwardTo(this.#parcel.node)
      const envelope = this.#seal()
      this.#watch()
      dispatcher.inFlight++
      answer = guarded(() => forward(envelope))
    } catch (error) {
      this.#finish(error as KernelError)
      return
    }
    const envelope = this.#envelope
    void Promise.resolve(answer)
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      )
      .then((outcome) => {
        dispatcher.inFlight--
        dispatcher.wake()
        if (this.#isOver || envelope !== this.#envelope) return
        if ('error' in outcome) this.#lost(outcome.error)
        else this.#answered(outcome.value)
      })
  }

  #seal(): SealedEnvelope {
    if (this.#envelope) return this.#envelope
    const { routes } = this.#core
    const { node, to, body } = this.#parcel
    this.#key = routes.sealingKey(node)
    this.#envelope = routes.seals.seal(this.#key, { to, body, from: routes.node })
    this.#isInDoubt = false
    return this.#envelope
  }

  #answered(value: unknown): void {
    if (value === true || value === undefined) this.#finish('delivered')
    else if (value === false) {
      // A trusted channel that only says no: not delivered, for a reason that may pass.
      this.#envelope = undefined
      this.#retry()
    } else this.#proven(this.#outcomeOf(value as IngressAnswer))
  }

  /** What the receiver proved about this envelope; undefined for an answer that anybody could have written. */
  #outcomeOf(answer: IngressAnswer): IngressResult | undefined {
    const envelope = this.#envelope
    const key = this.#key
    if (!envelope || !key || typeof answer !== 'object' || answer === null) return undefined
    const { nonce, outcome, receipt } = answer
    if (nonce !== envelope.nonce || typeof outcome !== 'string') return undefined
    return this.#core.routes.seals.isReceipt(key, nonce, outcome, receipt) ? outcome : undefined
  }

  #proven(outcome: IngressResult | undefined): void {
    const { node, to } = this.#parcel
    if (outcome !== undefined) this.#unproven = 0
    switch (outcome) {
      case 'ok':
        this.#finish('delivered')
        break
      case 'no_target':
        this.#finish(new KernelError('ESRCH', `no process ${to} on ${node}`))
        break
      case 'full':
        this.#envelope = undefined
        this.#hope()
        this.#retry()
        break
      case 'stale':
        this.#finish(this.#refusal(`${node} has started anew, or its clock differs`))
        break
      default:
        this.#isInDoubt = true
        if (++this.#unproven < MAX_UNPROVEN) this.#retry()
        else {
          const why = `${node} gives no proof: its key differs, or someone is in between`
          this.#finish(new KernelError('EINDOUBT', why))
        }
    }
  }

  /** The carrier failed; unless it says otherwise, a copy may have got through. */
  #lost(error: unknown): void {
    if (!isUnsent(error)) this.#isInDoubt = true
    this.#retry()
  }

  #retry(): void {
    if (this.#isTooLate()) return
    const pause = this.#pauseMs
    this.#pauseMs = Math.min(MAX_PAUSE_MS, pause * 2)
    this.#pause(true)
    this.#arm(pause, () => {
      this.#pause(false)
      this.#present()
    })
  }

  #pause(isPaused: boolean): void {
    if (!this.#parcel.isHeld || this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    this.#core.dispatcher.inFlight += isPaused ? -1 : 1
    this.#core.dispatcher.wake()
  }

  /** Guards a presentation: a carrier that never answers must not hold the sender for ever. */
  #watch(): void {
    const { clock } = this.#core
    const until = Math.min(this.#giveUpAt, this.#parcel.deadlineAt + 1)
    this.#arm(Math.max(0, until - clock.now()), () => {
      this.#isInDoubt = true
      if (!this.#isTooLate()) this.#watch()
    })
  }

  #arm(ms: number, fire: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#core.clock.setTimer(ms, fire)
  }

  #isTooLate(): boolean {
    const now = this.#core.clock.now()
    const { node, deadlineAt } = this.#parcel
    if (deadlineAt !== NEVER && now > deadlineAt) this.#finish('expired')
    else if (now >= this.#giveUpAt) {
      this.#finish(
        this.#refusal(this.#isInDoubt ? `no answer from ${node}` : `${node} did not take the message`),
      )
    }
    return this.#isOver
  }

  /** An earlier copy of the present envelope may have arrived, at a life of the receiver that remembers it no more. */
  #refusal(why: string): KernelError {
    return this.#isInDoubt
      ? new KernelError('EINDOUBT', `${why}; the message may have arrived`)
      : new KernelError('ENOROUTE', why)
  }

  #finish(fate: Fate): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#pause(false)
    this.#timer?.cancel()
    this.#parcel.ended(fate)
  }
}

/** Messages of one sender to one receiver: the next starts when the one before it has ended. */
export class Outbox {
  readonly #queue = new Set<Transmission>()
  readonly #emptied: () => void

  constructor(emptied: () => void) {
    this.#emptied = emptied
  }

  push(transmission: Transmission): void {
    this.#queue.add(transmission)
    if (this.#queue.size === 1) transmission.start()
  }

  /** Gives up all of it, the last first, so that none of them is started for it. */
  cancel(): void {
    for (const transmission of [...this.#queue].reverse()) transmission.cancel()
  }

  /** A message has ended, or was taken back before its turn. */
  remove(transmission: Transmission): void {
    if (!this.#queue.delete(transmission)) return
    const [next] = this.#queue
    if (next && !next.isStarted) next.start()
    else if (!next) this.#emptied()
  }
}

/** A carrier that throws is one whose promise is rejected. */
function guarded(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return Promise.reject(error)
  }
}

function isUnsent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'isUnsent' in error && error.isUnsent === true
}
