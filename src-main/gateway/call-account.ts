import type {
  CallOutcome,
  CallRecorder,
  CallRow,
  ModelOperation,
  ModelUse,
  Verdict,
} from '../ports/gateway.ts'
import type { CallLine } from './call-line.ts'
import type { Meter } from './meter.ts'

/** What is to be told of a call's end besides what was metered. */
export interface Ending {
  readonly end: CallOutcome['end']
  readonly status: number | null
  readonly error: string | null
  readonly sentBytes: number
}

/** Books one call: progress while it runs, its end exactly once, and both in the live view. */
export interface CallAccount {
  readonly meter: Meter
  firstByte(): void
  /** Tells the kernel what was used by now; a stop means that nothing more may be used. */
  step(): Verdict
  use(): ModelUse
  /** For replays: the use as it was recorded. */
  stepTo(use: ModelUse): Verdict
  finish(ending: Ending): void
}

export interface AccountParts {
  readonly meter: Meter
  readonly operation: ModelOperation
  readonly line: CallLine | undefined
  readonly recorder: CallRecorder | undefined
  readonly requestBytes: number
  readonly startedAtMs: number
  nowMs(): number
}

function shownUse(use: ModelUse): Partial<CallRow> {
  const { inputTokens, cachedTokens, outputTokens, costUsdNanos } = use
  return { inputTokens, cachedTokens, outputTokens, costUsdNanos }
}

export function createCallAccount(parts: AccountParts): CallAccount {
  const { meter, operation, line } = parts
  let firstByteMs: number | null = null
  let isEnded = false
  function stepTo(use: ModelUse): Verdict {
    line?.change(shownUse(use))
    return operation.progress(use)
  }
  return {
    meter,
    firstByte() {
      if (firstByteMs !== null) return
      firstByteMs = parts.nowMs() - parts.startedAtMs
      line?.change({ state: 'streaming', firstByteMs })
    },
    step: () => stepTo(meter.use()),
    stepTo,
    use: () => meter.use(),
    finish(ending) {
      if (isEnded) return
      isEnded = true
      const use = meter.use()
      const outcome: CallOutcome = {
        end: ending.end,
        status: ending.status,
        use,
        usageSource: meter.source(),
        firstByteMs,
        durationMs: parts.nowMs() - parts.startedAtMs,
        requestBytes: parts.requestBytes,
        responseBytes: ending.sentBytes,
        error: ending.error,
      }
      operation.end(outcome)
      parts.recorder?.end(outcome)
      const { end: state, durationMs, usageSource, status, error } = outcome
      line?.change({ ...shownUse(use), state, durationMs, usageSource, status, error })
      line?.close()
    },
  }
}
