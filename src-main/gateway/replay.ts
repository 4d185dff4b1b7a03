import type { TapedCall } from '../ports/gateway.ts'
import { cutBy } from './call-fault.ts'
import type { CallResult, RunningCall } from './running-call.ts'

/** Answers a call from its recording, byte for byte, and has it paid as it was then. Nothing goes out. */
export async function playBack(call: RunningCall, taped: TapedCall): Promise<CallResult> {
  const { answer, account, signal } = call
  const { outcome } = taped
  const isGivenUp = outcome === null || outcome.end === 'aborted'
  if (isGivenUp && taped.chunks.length === 0) return await unanswered(call)
  answer.head(taped.head)
  for (const { bytes, use } of taped.chunks) {
    signal.throwIfAborted()
    account.firstByte()
    const verdict = account.stepTo(use)
    if (!verdict.ok && outcome?.end === 'done') throw cutBy(verdict)
    await answer.write(bytes, use)
  }
  if (isGivenUp) return await unanswered(call)
  answer.end()
  return resultOf(taped)
}

/** What the client gave up then, it gives up again: nothing is left to say until it goes. */
function unanswered({ signal }: RunningCall): Promise<never> {
  return new Promise((_, reject) => {
    const gone = () => reject(signal.reason)
    if (signal.aborted) gone()
    signal.addEventListener('abort', gone, { once: true })
  })
}

function resultOf({ outcome }: TapedCall): CallResult {
  return {
    status: outcome?.status ?? null,
    error: outcome?.error ?? null,
  }
}
