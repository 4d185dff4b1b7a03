import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SignalboxError } from '../contract/errors.ts'
import { createReplayTape } from '../gateway/tape.ts'
import type { TreeRecording } from '../kernel/journaling.ts'
import type { Log } from '../ports/clock.ts'
import type { Tape } from '../ports/gateway.ts'
import type { ModelChoice } from '../ports/runtime.ts'
import { FileStore } from '../store/kernel/file-store.ts'
import { createRecordingTape, type NoteOperation, type PackAnswer } from './model-tape.ts'
import { problemOf, readRecording } from './recording-play.ts'
import { UnplayableRecording } from './recording-reader.ts'

export interface RecordingParts {
  /** Owner-only folder; one file per session. */
  readonly folder: string
  readonly isOn: () => boolean
  /** Hides known secrets. */
  readonly mask: (text: string) => string
  /** Packs long answers on a thread; without it they are packed here. */
  readonly packAnswer?: PackAnswer
  readonly log: Log
}

/** Names of recordings, whole or not, and the session in them. */
export const recordingForm = /^(ses-[a-z0-9]{4,40})\.jnl(\.part)?$/

/** The session of a file in the folder of recordings; undefined for anything else. */
export function sessionOfRecording(name: string): string | undefined {
  return recordingForm.exec(name)?.[1]
}

/** Where recordings lie, and which of them are there. */
function placesIn(folder: string) {
  const fileOf = (sessionId: string): string => join(folder, `${sessionId}.jnl`)
  const partOf = (sessionId: string): string => `${fileOf(sessionId)}.part`
  const isWhole = (sessionId: string): boolean => existsSync(fileOf(sessionId))
  const isPart = (sessionId: string): boolean => existsSync(partOf(sessionId))
  return {
    fileOf,
    partOf,
    isWhole,
    isPart,
    /** Why there is none that could be played; null when there is one. */
    absence(sessionId: string): string | null {
      if (isWhole(sessionId)) return null
      if (isPart(sessionId)) return 'Its recording breaks off before its end.'
      return 'It was not recorded, or its recording was removed.'
    },
    sweep(isKnown: (sessionId: string) => boolean): void {
      for (const name of readdirSync(folder)) {
        const sessionId = sessionOfRecording(name)
        if (sessionId === undefined ? name.endsWith('.lock') : !isKnown(sessionId))
          rmSync(join(folder, name), { force: true })
      }
    },
  }
}

type Places = ReturnType<typeof placesIn>

/** The recordings that are being made. `close` gives one its own name, unless it broke off. */
function openRecordings({ partOf, fileOf }: Places, { mask, log }: RecordingParts) {
  const open = new Set<string>()
  const digests = new Map<string, PromiseWithResolvers<string | undefined>>()
  return {
    has: (sessionId: string): boolean => open.has(sessionId),
    /** Throws when the file can't be made. */
    begin(sessionId: string): TreeRecording {
      const warn = (message: string) => log.warn(message)
      const store = new FileStore(partOf(sessionId), { isGuarded: true, warn })
      const done = Promise.withResolvers<string | undefined>()
      open.add(sessionId)
      digests.set(sessionId, done)
      return {
        store,
        redact: mask,
        onEnd({ error }) {
          if (error) log.warn('a recording broke off', { session: sessionId, error })
          const isWhole = open.delete(sessionId) && !error
          if (isWhole) renameSync(partOf(sessionId), fileOf(sessionId))
          done.resolve(isWhole ? store.digest : undefined)
        },
      }
    },
    breakOff: (sessionId: string): void => void open.delete(sessionId),
    async digestOf(sessionId: string): Promise<string | undefined> {
      const digest = await digests.get(sessionId)?.promise
      digests.delete(sessionId)
      return digest
    },
  }
}

/**
 * The recordings of sessions: what each got from outside, in `<session>.jnl`. While it is made it is called
 * `<session>.jnl.part`: what has its own name is whole, what a crash cut off never gets it.
 */
export function createRecordings(parts: RecordingParts) {
  const { folder, isOn, mask, packAnswer, log } = parts
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const places = placesIn(folder)
  const open = openRecordings(places, parts)
  return {
    /** Whether there is a whole recording. */
    has: places.isWhole,
    /** True of a recording that was begun and will never be whole. */
    isCutOff: (sessionId: string): boolean => !open.has(sessionId) && places.isPart(sessionId),
    /** True while something is still written to it. */
    isOpen: open.has,
    /** Why it can't be played, as a sentence; null when it can. Reads it through, on a thread of its own. */
    problem: async (sessionId: string): Promise<string | null> =>
      places.absence(sessionId) ?? problemOf(places.fileOf(sessionId)),
    /** A new recording; undefined when none is wanted, or one was begun by an earlier process of the session. */
    open(sessionId: string): TreeRecording | undefined {
      if (!isOn() || places.isWhole(sessionId) || places.isPart(sessionId)) return undefined
      try {
        return open.begin(sessionId)
      } catch (error) {
        log.warn('a session can not be recorded', { session: sessionId, error })
        return undefined
      }
    },
    /** SHA-256 of a recording once it is closed; undefined when there is none. To be asked once. */
    digestOf: open.digestOf,
    /** The session goes on where it can't be followed: what there is of its recording never becomes whole. */
    breakOff: open.breakOff,
    /** Takes the session's model calls down in its recording; null when there is none to take them down in. */
    tape: (sessionId: string, note: NoteOperation): Tape | null =>
      open.has(sessionId) ? createRecordingTape(note, mask, packAnswer) : null,
    play: (sessionId: string): Promise<PlayedRecording> => play(places, sessionId),
    /** Removes what belongs to no session, and locks of earlier writers; before anything is recorded. */
    sweep: places.sweep,
  }
}

/** What a recorded session called, to be played. Errors: `not_replayable`. */
async function play({ absence, fileOf }: Places, sessionId: string): Promise<PlayedRecording> {
  try {
    const missing = absence(sessionId)
    if (missing !== null) throw new UnplayableRecording(missing)
    const calls = await readRecording(fileOf(sessionId))
    const [first] = calls
    const model = first && { provider: first.opening.provider, model: first.opening.model }
    return { model, tape: createReplayTape(calls) }
  } catch (error) {
    if (!(error instanceof UnplayableRecording)) throw error
    const reason = error.message
    throw new SignalboxError('not_replayable', { sessionId, reason }, { message: reason, cause: error })
  }
}

/** A recording that answers for the models of a session. */
export interface PlayedRecording {
  /** The model that was called first; undefined when none was. */
  readonly model: ModelChoice | undefined
  readonly tape: Tape
}

export type Recordings = ReturnType<typeof createRecordings>
