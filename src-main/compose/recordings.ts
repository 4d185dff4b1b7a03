import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createReplayTape } from '../gateway/tape.ts'
import { journalFromStore } from '../kernel/journal.ts'
import type { TreeRecording } from '../kernel/journaling.ts'
import { decodeValue } from '../kernel/value-text.ts'
import type { Log } from '../ports/clock.ts'
import type { Tape, TapedCall } from '../ports/gateway.ts'
import type { ModelChoice } from '../ports/runtime.ts'
import { FileStore } from '../store/kernel/file-store.ts'
import { createRecordingTape, type NoteOperation, readTapedCall, tapedDriver } from './model-tape.ts'

export interface RecordingParts {
  /** Owner-only folder; one file per session. */
  readonly folder: string
  readonly isOn: () => boolean
  /** Hides known secrets. */
  readonly mask: (text: string) => string
  readonly log: Log
}

/** The recordings of sessions: what each got from outside, in `<session>.jnl`. */
export function createRecordings({ folder, isOn, mask, log }: RecordingParts) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const fileOf = (sessionId: string): string => join(folder, `${sessionId}.jnl`)
  const digests = new Map<string, PromiseWithResolvers<string | undefined>>()
  return {
    has: (sessionId: string): boolean => existsSync(fileOf(sessionId)),
    /** A new recording; undefined when none is wanted, or there is one of an earlier process of the session. */
    open(sessionId: string): TreeRecording | undefined {
      if (!isOn() || existsSync(fileOf(sessionId))) return undefined
      try {
        const store = new FileStore(fileOf(sessionId), {
          isGuarded: true,
          warn: (message) => log.warn(message),
        })
        const digest = Promise.withResolvers<string | undefined>()
        digests.set(sessionId, digest)
        return {
          store,
          redact: mask,
          onEnd({ error }) {
            if (error) log.warn('a recording broke off', { session: sessionId, error })
            digest.resolve(error ? undefined : store.digest)
          },
        }
      } catch (error) {
        log.warn('a session can not be recorded', { session: sessionId, error })
        return undefined
      }
    },
    /** SHA-256 of a recording that has just been closed; undefined when there was none. */
    async digestOf(sessionId: string): Promise<string | undefined> {
      const digest = await digests.get(sessionId)?.promise
      digests.delete(sessionId)
      return digest
    },
    /** The model that a recorded session called first. */
    modelOf(sessionId: string): ModelChoice | undefined {
      const [first] = callsIn(fileOf(sessionId))
      return first && { provider: first.opening.provider, model: first.opening.model }
    },
    /** Takes the session's model calls down, or plays those of the session that it replays. Throws when that can't be read. */
    tape: (replays: string | null, note: NoteOperation): Tape =>
      replays === null ? createRecordingTape(note, mask) : createReplayTape(callsIn(fileOf(replays))),
  }
}

export type Recordings = ReturnType<typeof createRecordings>

/** The finished model calls of a recording, in the order in which they were begun. */
function callsIn(file: string): TapedCall[] {
  const store = new FileStore(file, { isReadOnly: true })
  try {
    const { doors } = journalFromStore(store)
    const whole = new Map<string, string>()
    const calls: TapedCall[] = []
    for (const { begin, end } of doors) {
      if (begin.driver !== tapedDriver || !end) continue
      const { outcome } = end
      const text =
        'value' in outcome ? outcome.value : 'same' in outcome ? whole.get(outcome.same) : undefined
      if ('value' in outcome && outcome.sha !== undefined) whole.set(outcome.sha, outcome.value)
      const call = text === undefined ? undefined : readTapedCall(decodeValue(text), calls.length + 1)
      if (call) calls.push(call)
    }
    return calls
  } finally {
    store.close()
  }
}
