import type { Stop } from '../ports/gateway.ts'
import type { Failure } from './dialect-shape.ts'

/** How a call comes to an early end: what the client is told, and whether the upstream may have worked for it. */
export class CallFault extends Error {
  override readonly name = 'CallFault'
  readonly failure: Failure
  readonly end: 'cut' | 'failed' | 'aborted' | 'refused'
  /** The upstream's own status, where it answered with one. */
  readonly upstreamStatus: number | null
  /** True: the upstream did not take the call on, so nothing is to be paid. */
  readonly isFree: boolean

  constructor(
    end: CallFault['end'],
    failure: Failure,
    more: { readonly upstreamStatus?: number | null; readonly isFree?: boolean } = {},
  ) {
    super(failure.sentence)
    this.end = end
    this.failure = failure
    this.upstreamStatus = more.upstreamStatus ?? null
    this.isFree = more.isFree ?? false
  }
}

export function cutBy(stop: Stop): CallFault {
  return new CallFault('cut', { cause: stop.cause, sentence: stop.sentence })
}

export function clientGone(): CallFault {
  return new CallFault('aborted', { cause: 'bad_request', sentence: 'the client went away' })
}

/** Any error as a fault; what we did not foresee is told without its details. */
export function faultOf(error: unknown, signal: AbortSignal): CallFault {
  if (signal.aborted && signal.reason instanceof CallFault) return signal.reason
  if (error instanceof CallFault) return error
  const sentence = error instanceof Error ? error.message : 'something went wrong inside the gateway'
  return new CallFault('failed', { cause: 'upstream_failed', sentence })
}
