import type { GatewayPowers, GatewaySession, Route } from '../ports/gateway.ts'
import type { Models } from '../ports/models.ts'
import type { Answer } from './answer.ts'
import type { CallAccount } from './call-account.ts'
import type { Asked, StreamState } from './dialect-shape.ts'
import type { LongRequests } from './long-requests.ts'
import type { RequestBody } from './request-body.ts'
import type { Upstream } from './upstream.ts'

/** Bounds of the gateway, milliseconds, bytes and counts. */
export interface GatewayLimits {
  readonly bodyBytes: number
  /** An answer in one piece. */
  readonly answerBytes: number
  readonly callsPerSession: number
  /** Until the upstream's first byte: thinking models answer late. */
  readonly firstByteMs: number
  /** Between two pieces of a stream. */
  readonly idleMs: number
  /** A client that takes nothing. */
  readonly stallMs: number
  /** A longer body is work for another thread: a hop there and back costs about as much as reading this much. */
  readonly shortBytes: number
  /** Long bodies in memory, from their first byte until the upstream has them: of one session, and of all. */
  readonly sessionBytes: number
  readonly heldBytes: number
}

export const defaultLimits: GatewayLimits = {
  bodyBytes: 32 * 1024 * 1024,
  answerBytes: 64 * 1024 * 1024,
  callsPerSession: 32,
  firstByteMs: 600_000,
  idleMs: 300_000,
  stallMs: 300_000,
  shortBytes: 128 * 1024,
  sessionBytes: 64 * 1024 * 1024,
  heldBytes: 512 * 1024 * 1024,
}

export interface HandlerPowers extends GatewayPowers {
  readonly clock: {
    nowMs(): number
    /** Calls `fn` once after `ms`; the returned function cancels it. */
    after(ms: number, fn: () => void): () => void
  }
  /** Fresh ids of calls. */
  readonly ids: { short(): string }
  readonly upstream: Upstream
  readonly models: Pick<Models, 'stream' | 'list'>
  /** A thread for long bodies; without one all are read where the gateway runs. */
  readonly longRequests?: LongRequests | undefined
}

/** A call that was let in and is being answered. */
export interface RunningCall {
  readonly id: string
  readonly asked: Asked
  readonly body: RequestBody
  /** The client's headers that go on to an upstream of the same dialect. */
  readonly headers: Readonly<Record<string, string>>
  readonly session: GatewaySession
  readonly route: Route
  readonly answer: Answer
  readonly account: CallAccount
  readonly state: StreamState
  /** Aborted with a `CallFault` when the client goes or the call is stopped. */
  readonly signal: AbortSignal
  readonly limits: GatewayLimits
  readonly powers: HandlerPowers
}

/** What the path that answered a call knows about its end. */
export interface CallResult {
  readonly status: number | null
  readonly error: string | null
}

/** A timer that is put off with every sign of life; `signal` fires when there is none. */
export interface Watch {
  readonly signal: AbortSignal
  kick(ms: number): void
  stop(): void
}

export function createWatch(call: RunningCall, reason: () => Error): Watch {
  const controller = new AbortController()
  let deadlineMs = 0
  let firesAtMs = Number.POSITIVE_INFINITY
  let cancel: (() => void) | undefined
  const { clock } = call.powers
  function arm(): void {
    cancel?.()
    firesAtMs = deadlineMs
    cancel = clock.after(Math.max(0, deadlineMs - clock.nowMs()), () => {
      if (clock.nowMs() < deadlineMs) arm()
      else controller.abort(reason())
    })
  }
  return {
    signal: controller.signal,
    kick(ms) {
      deadlineMs = clock.nowMs() + ms
      // Mostly put off: the timer looks at the deadline when it fires. Only an earlier one needs another timer.
      if (deadlineMs < firesAtMs) arm()
    },
    stop: () => cancel?.(),
  }
}
