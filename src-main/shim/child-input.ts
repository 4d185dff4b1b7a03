import type { Writable } from 'node:stream'

/** A child's stdin by offset, so that what an app sends again after a hand-over is not written twice. */
export interface ChildInput {
  /** Bytes taken so far; a new app goes on from here. */
  readonly accepted: number
  /** Throws on a gap. */
  write(offset: number, payload: Uint8Array): void
  end(): void
}

/** `report` tells how many bytes are in the child's pipe, or that it no longer reads. */
export function createChildInput(
  stdin: Writable,
  report: (bytes: number, isClosed: boolean) => unknown,
): ChildInput {
  let accepted = 0
  let written = 0
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    report(written, true)
  }
  stdin.on('error', close)
  stdin.on('close', close)
  return {
    get accepted() {
      return accepted
    },
    write(offset, payload) {
      if (offset > accepted) throw new RangeError('a gap in stdin')
      const fresh = payload.subarray(accepted - offset)
      accepted += fresh.byteLength
      if (isClosed) report(written, true)
      else
        stdin.write(Buffer.from(fresh), (error) => {
          if (error) return close()
          written += fresh.byteLength
          report(written, false)
        })
    },
    end() {
      stdin.end()
    },
  }
}
