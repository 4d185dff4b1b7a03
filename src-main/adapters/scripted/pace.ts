import type { Clock } from '../../ports/clock.ts'

/** Holds everything while paused, and waits; both end with the signal. */
export interface Pace {
  wait(ms: number, signal: AbortSignal): Promise<void>
  pause(): void
  resume(): void
}

/** `factor` 0 makes everything immediate, 1 is the script's own pace. */
export function createPace(clock: Clock, factor: number): Pace {
  let gate: PromiseWithResolvers<void> | undefined
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const stop = () => {
        cancel()
        reject(signal.reason)
      }
      const cancel = clock.after(ms, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      signal.addEventListener('abort', stop, { once: true })
    })
  return {
    wait: async (ms, signal) => {
      signal.throwIfAborted()
      if (ms * factor > 0) await sleep(ms * factor, signal)
      if (!gate) return
      const { promise } = gate
      const aborted = Promise.withResolvers<never>()
      const stop = () => aborted.reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      await Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', stop))
    },
    pause: () => {
      gate ??= Promise.withResolvers<void>()
    },
    resume: () => {
      gate?.resolve()
      gate = undefined
    },
  }
}

/** Text in pieces as a model streams it: a word with what follows it, long words cut. */
export function streamPieces(text: string): readonly string[] {
  return text.match(/\s*\S{1,12}\s*/g) ?? (text === '' ? [] : [text])
}
