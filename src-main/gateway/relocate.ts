import type { TapedCall, TapedChunk } from '../ports/gateway.ts'
import { spellingsOf } from './canonical-request.ts'
import { createEventFrames, dataOf } from './event-frames.ts'
import { isRecord, parseJson } from './json-values.ts'

/** A text of the recording and what stands in its place in this run: folders, mostly. */
export interface Move {
  readonly from: string
  readonly to: string
}

/** What differs between a recording's places and those of this run, the longest first. */
export function movesBetween(
  recorded: readonly { readonly text: string; readonly token: string }[],
  current: readonly { readonly text: string; readonly token: string }[],
): readonly Move[] {
  const now = new Map(current.map(({ text, token }) => [token, text]))
  return recorded
    .flatMap(({ text, token }) => {
      const to = now.get(token)
      if (to === undefined || to === text || text === '') return []
      const spellings = spellingsOf(to)
      return spellingsOf(text).map((from, at) => ({ from, to: spellings[at] ?? to }))
    })
    .toSorted((a, b) => b.from.length - a.from.length)
}

/**
 * A recorded answer with the folders of this run in place of its own, also where a stream spells one out over several
 * events. Without moves it is the recording itself, byte for byte. A long one takes several turns of the event loop.
 */
export async function relocated(call: TapedCall, moves: readonly Move[]): Promise<TapedCall> {
  if (moves.length === 0) return call
  const isTurnOver = createPace()
  const pieces: Piece[][] = []
  const leaves = new Map<string, Leaf[]>()
  for (const { bytes } of call.chunks) {
    const framed: Piece[] = []
    pieces.push(framed)
    for (const frame of framesOf(Buffer.from(bytes))) {
      const piece = pieceOf(frame)
      framed.push(piece)
      if (piece.value !== undefined) gather(piece.value, '', leaves)
      if (isTurnOver(frame.length)) await nextTurn()
    }
  }
  for (const group of leaves.values()) for (const move of moves) await replaceAcross(group, move, isTurnOver)
  const chunks: TapedChunk[] = []
  for (const [at, { use, bytes }] of call.chunks.entries()) {
    chunks.push({ bytes: Buffer.concat((pieces[at] ?? []).map(bytesOf)), use })
    if (isTurnOver(bytes.length)) await nextTurn()
  }
  const { 'content-length': length, ...headers } = call.head.headers
  const size = chunks.reduce((all, { bytes }) => all + bytes.length, 0)
  const sized = length === undefined ? headers : { ...headers, 'content-length': String(size) }
  return { ...call, head: { ...call.head, headers: sized }, chunks }
}

/** A part of a chunk: bytes as they are, or JSON that may be changed, with what stands around it. */
interface Piece {
  readonly bytes: Buffer
  readonly value: unknown
  readonly before: string
  readonly after: string
}

function framesOf(chunk: Buffer): Buffer[] {
  const frames = createEventFrames()
  return [...frames.take(chunk), frames.rest()].filter(({ length }) => length > 0)
}

function pieceOf(bytes: Buffer): Piece {
  const text = bytes.toString('utf8')
  const data = dataOf(bytes) ?? text
  const value = parseJson(data)
  const at = text.indexOf(data)
  const isJson = at >= 0 && typeof value === 'object' && value !== null
  if (!isJson) return { bytes, value: undefined, before: '', after: '' }
  return { bytes, value, before: text.slice(0, at), after: text.slice(at + data.length) }
}

/** So much of an answer is worked on in one turn, some three milliseconds; a string in it counts like this many bytes. */
const bytesPerTurn = 64 * 1024
const bytesPerLeaf = 20

/** Counts bytes that are worked on; true when it is time to let other work pass. */
type Pace = (bytes: number) => boolean

function createPace(): Pace {
  let done = 0
  return (bytes) => {
    done += bytes
    const isOver = done >= bytesPerTurn
    if (isOver) done = 0
    return isOver
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

function bytesOf({ bytes, value, before, after }: Piece): Buffer {
  return value === undefined ? bytes : Buffer.from(before + JSON.stringify(value) + after)
}

/** A string somewhere in an event, which can be put into its place again. */
interface Leaf {
  text: string
  set(text: string): void
}

/** Strings at the same place of one event after the other are one text: that is how streams spell. */
function gather(value: unknown, path: string, leaves: Map<string, Leaf[]>): void {
  if (typeof value !== 'object' || value === null) return
  const holder: Record<string, unknown> | unknown[] | undefined = Array.isArray(value)
    ? value
    : isRecord(value)
      ? (value as Record<string, unknown>)
      : undefined
  if (!holder) return
  for (const [key, inner] of Object.entries(holder)) {
    const place = `${path}/${key}`
    if (typeof inner !== 'string') {
      gather(inner, place, leaves)
      continue
    }
    const group = leaves.get(place) ?? []
    leaves.set(place, group)
    group.push({ text: inner, set: (text) => void Reflect.set(holder, key, text) })
  }
}

/** Replaces every occurrence in the joined text: the first leaf of an occurrence takes the new one, the others lose theirs. */
async function replaceAcross(group: readonly Leaf[], { from, to }: Move, isTurnOver: Pace): Promise<void> {
  const joined = group.map(({ text }) => text).join('')
  const starts: number[] = []
  for (let at = joined.indexOf(from); at >= 0; at = joined.indexOf(from, at + from.length)) starts.push(at)
  if (starts.length === 0) return
  let offset = 0
  let first = 0
  for (const leaf of group) {
    const { text } = leaf
    if (isTurnOver(text.length + bytesPerLeaf)) await nextTurn()
    const end = offset + text.length
    let result = ''
    let at = offset
    while ((starts[first] ?? end) + from.length <= offset) first += 1
    for (let next = first; next < starts.length; next++) {
      const start = starts[next] ?? end
      if (start >= end) break
      if (start >= at) result += text.slice(at - offset, start - offset)
      if (start >= offset) result += to
      at = Math.min(end, start + from.length)
    }
    result += text.slice(at - offset)
    offset = end
    if (result === text) continue
    leaf.text = result
    leaf.set(result)
  }
}
