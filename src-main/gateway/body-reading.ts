import type { CanonicalRequest, GatewaySession } from '../ports/gateway.ts'
import { withBody } from './call-path.ts'
import { canonicalOf } from './canonical-request.ts'
import type { Asked, Failure } from './dialect-shape.ts'
import { type MemberPlaces, placesOf } from './json-members.ts'
import { type StructureLimits, type StructureProblem, structureProblem } from './json-structure.ts'
import { isRecord, type JsonObject, parseJson } from './json-values.ts'

/**
 * What the gateway has to know of a request's body, besides its bytes. Plain and small whatever the length of the body,
 * since a long one is read on another thread (architecture.md §3.9).
 */
export interface BodyFacts {
  /** The members that the gateway itself looks at, each of bounded length. */
  readonly own: JsonObject
  readonly places: MemberPlaces
  /** How much text there is, in bytes; packed pictures and files count little. */
  readonly textBytes: number
}

/** What is asked about a body. Plain data. */
export interface ReadingWish {
  readonly asked: Pick<Asked, 'dialect' | 'kind' | 'model' | 'isStream'>
  /** null: there is no recording with which it will be compared. */
  readonly placeholders: GatewaySession['placeholders'] | null
}

export type BodyReading =
  | { readonly ok: true; readonly facts: BodyFacts; readonly canonical: CanonicalRequest | undefined }
  | { readonly ok: false; readonly failure: Failure }

/** Members that the gateway reads, or sets for the upstream. */
const ownKeys = ['model', 'stream', 'stream_options'] as const
/** Nobody's model has a longer name. */
const longestOwnBytes = 16 * 1024
/** Repeating a member is allowed in JSON, and once is enough. */
const mostPlaces = 30

/**
 * No model's window holds so much, as each value is a token at least and each member several: the largest conversations
 * have thousands of messages with a dozen members each, and their length is in texts and pictures. Reading what keeps to
 * these takes about a second in the worst case; without them 30 MB took twenty. Schemas of tools nest, but not like this;
 * beyond it, readers that follow the nesting would run out of stack.
 */
const structureLimits: StructureLimits = { members: 250_000, values: 500_000, depth: 300 }

const refusal = (
  sentence: string,
  cause: Failure['cause'] = 'bad_request',
): Extract<BodyReading, { ok: false }> => ({ ok: false, failure: { cause, sentence } })

const inFigures = (count: number) => count.toLocaleString('en-US')
const structureRefusals: Readonly<
  Record<NonNullable<StructureProblem>, Extract<BodyReading, { ok: false }>>
> = {
  depth: refusal(`the body is nested too deeply: at most ${structureLimits.depth} levels are read`),
  members: tooMuch('named members', structureLimits.members),
  values: tooMuch('values', structureLimits.values),
}

function tooMuch(what: string, limit: number): Extract<BodyReading, { ok: false }> {
  return refusal(
    `the request holds more than ${inFigures(limit)} JSON ${what}, which is more than any model takes; send long lists as text, or start a new conversation`,
    'too_large',
  )
}

/** A body as a value; undefined when it is no JSON object. */
export function parsedBody(bytes: Buffer): JsonObject | undefined {
  const json = parseJson(bytes.toString('utf8'))
  return isRecord(json) ? json : undefined
}

/** Reads a request's body: the same on every thread. `json` is the body as a value, where it was worth making one. */
export function readBody(
  bytes: Buffer,
  wish: ReadingWish,
): { readonly reading: BodyReading; readonly json: JsonObject | undefined } {
  const problem = structureProblem(bytes, structureLimits)
  if (problem) return { reading: structureRefusals[problem], json: undefined }
  const json = parsedBody(bytes)
  return { reading: json ? readingOf(bytes, json, wish) : refusal('the body is no JSON object'), json }
}

function readingOf(bytes: Buffer, json: JsonObject, wish: ReadingWish): BodyReading {
  const places = placesOf(bytes, ownKeys)
  const isLong = places.found.some(({ valueStart, valueEnd }) => valueEnd - valueStart > longestOwnBytes)
  if (isLong || places.found.length > mostPlaces)
    return refusal(
      `one of ${ownKeys.map((key) => `"${key}"`).join(', ')} is too long, or stands there too often`,
    )
  return { ok: true, ...factsOf(json, places, wish) }
}

/** Of a request that has no body, as a reading of an empty object. */
export function emptyReading(wish: ReadingWish): Extract<BodyReading, { ok: true }> {
  return { ok: true, ...factsOf({}, { start: 0, isEmpty: true, found: [] }, wish) }
}

function factsOf(json: JsonObject, places: MemberPlaces, { asked, placeholders }: ReadingWish) {
  const own = Object.fromEntries(
    ownKeys.flatMap((key) => (Object.hasOwn(json, key) ? [[key, json[key]]] : [])),
  )
  const canonical = placeholders ? canonicalOf(withBody(asked, own), json, placeholders) : undefined
  return { facts: { own, places, textBytes: textBytes(json) }, canonical }
}

/** From this length on a string without spaces is taken for packed bytes (pictures, files) and not for text. */
const packedLength = 2000
/** What a picture or file costs at least, in bytes of text. */
const packedBytes = 1000

function textBytes(value: unknown): number {
  let total = 0
  const left: unknown[] = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one === 'string') total += isPacked(one) ? packedBytes : Buffer.byteLength(one)
    else if (Array.isArray(one)) for (const inner of one) left.push(inner)
    else if (isRecord(one)) {
      for (const [key, inner] of Object.entries(one)) {
        total += key.length
        left.push(inner)
      }
    } else total += 2
  }
  return total
}

function isPacked(text: string): boolean {
  return text.length >= packedLength && !/\s/.test(text.slice(0, packedLength))
}
