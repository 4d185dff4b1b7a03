import type { StoreRecord } from '../kernel/journal.ts'
import { decodeValue } from '../kernel/value-text.ts'
import type { TapedCall } from '../ports/gateway.ts'
import { type PartsOf, partDriver, readAnswerPart, readTapedCall, tapedDriver } from './model-tape.ts'

/** Why a recording can't be played, as a sentence. */
export class UnplayableRecording extends Error {
  override readonly name = 'UnplayableRecording'
}

/** All answers of one recording together, as they are held in memory while it is played. */
export const mostAnswerBytes = 256 * 1024 ** 2

/** A model call of a recording, or one that was answered like an earlier one, by its step. */
export type FoundCall = { readonly call: TapedCall } | { readonly step: number; readonly same: number }

/**
 * The finished model calls of a recording, each with its place in the order in which they were begun; given as they end.
 * Holds one record at a time. Throws `UnplayableRecording` for what is no whole recording of one session.
 */
export function* readCalls(records: Iterable<StoreRecord>): Generator<FoundCall> {
  const begun = new Map<string, number>()
  const stepOf = new Map<string, number>()
  const parts = createPartShelf()
  let root: number | undefined
  let seq = 0
  let steps = 0
  let bytes = 0
  let hasEnded = false
  for (const record of records) {
    if (record.seq !== seq + 1) throw missingParts()
    seq = record.seq
    if ((seq === 1) !== (record.type === 'header'))
      throw new UnplayableRecording('It has no recording of ours.')
    if (record.type === 'header') root = record.root
    if (record.type === 'event' && record.event.ev.kind === 'exit' && record.event.pid === root)
      hasEnded = true
    if (!('isDoor' in record) || !record.isDoor) continue
    if (record.driver === partDriver && record.type === 'io') parts.put(record.outcome)
    if (record.driver !== tapedDriver) continue
    const name = `${record.pid} ${record.n}`
    if (record.type === 'io.begin') begun.set(name, ++steps)
    const step = begun.get(name)
    if (record.type !== 'io') continue
    if (step === undefined) throw new UnplayableRecording('Its recording ends a call that never began.')
    begun.delete(name)
    const found = callOf(record.outcome, step, stepOf, parts.take)
    if (!found) continue
    bytes += 'call' in found ? sizeOf(found.call) : 0
    if (bytes > mostAnswerBytes) throw tooMany()
    yield found
  }
  if (!hasEnded || begun.size > 0) throw new UnplayableRecording('Its recording breaks off before its end.')
}

type Outcome = Extract<StoreRecord, { type: 'io' }>['outcome']

/** undefined: a call that came to nothing which could be played. */
function callOf(
  outcome: Outcome,
  step: number,
  stepOf: Map<string, number>,
  partsOf: PartsOf,
): FoundCall | undefined {
  if ('code' in outcome) return undefined
  if ('same' in outcome) {
    const same = stepOf.get(outcome.same)
    if (same === undefined)
      throw new UnplayableRecording('Its recording names an answer that it does not hold.')
    return { step, same }
  }
  if (outcome.sha !== undefined) stepOf.set(outcome.sha, step)
  const call = readTapedCall(decodeValue(outcome.value), step, partsOf)
  return call && { call }
}

/** Parts of long answers until the end of their call. Throws `UnplayableRecording` for parts that are too many, or gone. */
function createPartShelf() {
  const shelf = new Map<string, string[]>()
  let chars = 0
  return {
    put(outcome: Outcome): void {
      const part = 'value' in outcome ? readAnswerPart(decodeValue(outcome.value)) : undefined
      if (!part) return
      const texts = shelf.get(part.name) ?? []
      if (part.part !== texts.length + 1) throw missingParts()
      texts.push(part.text)
      shelf.set(part.name, texts)
      chars += part.text.length
      if (chars > mostAnswerBytes) throw tooMany()
    },
    take(name: string, count: number): readonly string[] {
      const texts = shelf.get(name) ?? []
      if (texts.length !== count) throw missingParts()
      shelf.delete(name)
      chars -= texts.reduce((sum, { length }) => sum + length, 0)
      return texts
    },
  }
}

const missingParts = () => new UnplayableRecording('Parts of its recording are missing.')
const tooMany = () => new UnplayableRecording('Its answers are too many to be played.')

function sizeOf({ chunks, request }: TapedCall): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes.length, request.text.length)
}
