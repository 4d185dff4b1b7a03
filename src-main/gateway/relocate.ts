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
 * events. Without moves it is the recording itself, byte for byte.
 */
export function relocated(call: TapedCall, moves: readonly Move[]): TapedCall {
  if (moves.length === 0) return call
  const pieces = call.chunks.map(({ bytes }) => piecesOf(Buffer.from(bytes)))
  const leaves = new Map<string, Leaf[]>()
  for (const piece of pieces.flat()) if (piece.value !== undefined) gather(piece.value, '', leaves)
  for (const group of leaves.values()) for (const move of moves) replaceAcross(group, move)
  const chunks = call.chunks.map(
    ({ use }, at): TapedChunk => ({ bytes: Buffer.concat((pieces[at] ?? []).map(bytesOf)), use }),
  )
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

function piecesOf(chunk: Buffer): Piece[] {
  const frames = createEventFrames()
  const all = [...frames.take(chunk), frames.rest()].filter(({ length }) => length > 0)
  return all.map((bytes) => {
    const text = bytes.toString('utf8')
    const data = dataOf(bytes) ?? text
    const value = parseJson(data)
    const at = text.indexOf(data)
    const isJson = at >= 0 && typeof value === 'object' && value !== null
    if (!isJson) return { bytes, value: undefined, before: '', after: '' }
    return { bytes, value, before: text.slice(0, at), after: text.slice(at + data.length) }
  })
}

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
function replaceAcross(group: readonly Leaf[], { from, to }: Move): void {
  const joined = group.map(({ text }) => text).join('')
  const starts: number[] = []
  for (let at = joined.indexOf(from); at >= 0; at = joined.indexOf(from, at + from.length)) starts.push(at)
  if (starts.length === 0) return
  let offset = 0
  for (const leaf of group) {
    const { text } = leaf
    const end = offset + text.length
    let result = ''
    let at = offset
    for (const start of starts) {
      if (start + from.length <= offset || start >= end) continue
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
