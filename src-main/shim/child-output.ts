import type { Readable } from 'node:stream'
import type { OutputLog } from './output-log.ts'

const retryMs = 1000

/** Puts everything that a child writes into its log, at the pace that is asked for. */
export interface ChildOutput {
  /** The child waits in its write while held. */
  hold(isHeld: boolean): void
  /** Resolves when all of its output is in the log, at the latest after `waitMs`. */
  drained(waitMs: number): Promise<void>
}

/** A log that can't be written (no space left) makes the child wait and is tried again: nothing is thrown away. */
export function createChildOutput(stdout: Readable, log: OutputLog, onGrown: () => void): ChildOutput {
  let isHeld = false
  let rest: Uint8Array | undefined
  let isOver = false
  const waiting: (() => void)[] = []

  function settle(): void {
    if (!isOver || rest) return
    for (const done of waiting.splice(0)) done()
  }
  function store(chunk: Uint8Array): void {
    const before = log.total
    try {
      log.append(chunk)
      rest = undefined
    } catch {
      rest = chunk.subarray(log.total - before)
      stdout.pause()
      setTimeout(() => {
        if (rest) store(rest)
      }, retryMs)
    }
    if (!rest && !isHeld) stdout.resume()
    if (log.total > before) onGrown()
    settle()
  }
  const over = () => {
    isOver = true
    settle()
  }
  stdout.on('data', store)
  stdout.once('close', over)
  stdout.once('error', over)

  return {
    hold(next) {
      isHeld = next
      if (next) stdout.pause()
      else if (!rest) stdout.resume()
    },
    drained(waitMs) {
      if (isOver && !rest) return Promise.resolve()
      return new Promise((resolve) => {
        waiting.push(resolve)
        setTimeout(resolve, waitMs)
      })
    },
  }
}
