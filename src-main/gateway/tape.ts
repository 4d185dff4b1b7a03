import type { CallOutcome, Tape, TapedCall, TapedChunk, TapedHead } from '../ports/gateway.ts'

/** A recording being played: each request takes the oldest recorded call of the same hash that nobody has taken yet. */
export function createReplayTape(calls: readonly TapedCall[]): Extract<Tape, { mode: 'replay' }> & {
  /** Calls that were recorded and not asked for. */
  left(): readonly TapedCall[]
} {
  const left = calls.toSorted((a, b) => a.step - b.step)
  let taken = 0
  return {
    mode: 'replay',
    next(request) {
      const at = left.findIndex((call) => call.request.hash === request.hash)
      const [call] = at < 0 ? [] : left.splice(at, 1)
      taken += 1
      if (call) return { ok: true, call }
      return { ok: false, step: left[0]?.step ?? taken, expected: left[0]?.request ?? null }
    },
    left: () => [...left],
  }
}

/** A recording being made in memory; a store keeps one with the same shape on disk. */
export function createMemoryTape(): Extract<Tape, { mode: 'record' }> & { calls(): readonly TapedCall[] } {
  const calls: TapedCall[] = []
  return {
    mode: 'record',
    record(request, opening) {
      const step = calls.length + 1
      const chunks: TapedChunk[] = []
      const keep = (part: { head?: TapedHead; outcome?: CallOutcome }) => {
        const known = calls[step - 1]
        if (known) calls[step - 1] = { ...known, ...part }
      }
      calls.push({ step, request, opening, head: { status: 0, headers: {} }, chunks, outcome: null })
      return {
        head: (head) => keep({ head }),
        chunk: (chunk) => void chunks.push(chunk),
        end: (outcome) => keep({ outcome }),
      }
    },
    calls: () => [...calls],
  }
}
