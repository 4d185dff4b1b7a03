import type { Message, Sys } from '../kernel/abi.ts'
import type { CapRef, MsgId } from '../kernel/ids.ts'
import { codeOf, UserlandError } from './faults.ts'

const DEFAULT_TIMEOUT_MS = 5000

export interface AskOptions {
  /** Sent along, before the capability to answer with. */
  readonly caps?: readonly CapRef[] | undefined
  /** Milliseconds to wait for the answer, default 5000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Sends a request and waits for its answer. The last capability of the request is send-only on the caller, and its
 * reference in the caller's own space is the request's `corr`: nobody else can guess it, so nobody else can answer.
 * Taken back afterwards. Not for a process that also parks in a plain `recv`, which would get the answer instead.
 * ETIMEDOUT without an answer in time; and as `send`.
 */
export async function ask<T>(
  sys: Sys,
  target: CapRef,
  body: unknown,
  options: AskOptions = {},
): Promise<Message<T>> {
  const { caps = [], timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const self = sys.selfCap()
  try {
    const reply = sys.derive(self, ['send'])
    const corr = `${reply}` as MsgId
    await sys.send(target, body, { caps: [...caps, reply], corr, deadline: sys.now() + timeoutMs })
    return await sys.recv<T>({ corr, timeoutMs })
  } catch (error) {
    if (codeOf(error) !== 'ETIMEDOUT') throw error
    throw new UserlandError('ETIMEDOUT', `no answer in ${timeoutMs} ms`)
  } finally {
    sys.revoke(self)
  }
}

/** Answers a request through the capability that came with it. A requester that is gone or lost interest is no error. */
export async function answer(
  sys: Sys,
  request: Message,
  reply: CapRef,
  body: unknown,
  caps: readonly CapRef[] = [],
): Promise<void> {
  const corr = request.corr ?? request.id
  const deadline = sys.now() + DEFAULT_TIMEOUT_MS
  try {
    await sys.send(reply, body, { caps, corr, deadline })
  } catch (error) {
    if (!['ESRCH', 'ECAP'].includes(codeOf(error) ?? '')) throw error
  }
  try {
    sys.revoke(reply)
  } catch (error) {
    // The requester took it back already.
    if (codeOf(error) !== 'ECAP') throw error
  }
}
