import { parseCanonical } from './canonical.ts'

/** An entry as it is stored. `shown` are the columns that stand beside the body, where the source has such. */
export interface StoredEntry {
  readonly body: string
  readonly previousHash: string
  readonly entryHash: string
  readonly shown?: {
    readonly sequence: number
    readonly eventKind: string
    readonly actorId: string
    readonly atMs: number
    readonly sessionId?: string
  }
}

export type EntryProblemKind =
  | 'bad_format'
  | 'unsupported_version'
  | 'non_canonical_body'
  | 'genesis_mismatch'
  | 'sequence_gap'
  | 'sequence_duplicate'
  | 'sequence_order'
  | 'previous_hash_mismatch'
  | 'entry_hash_mismatch'
  | 'chain_mismatch'
  | 'truncated'
  | 'forked'
  | 'chain_missing'
  | 'time_regression'

/** What a body says of itself; undefined parts could not be read. */
export interface BodyFields {
  readonly v: unknown
  readonly sequence: number
  readonly chain: string
  readonly sessionId: string
  readonly eventKind: string
  readonly actorId: string
  readonly atMs: number
}

export interface EntryCheck {
  readonly fields: BodyFields | undefined
  readonly problem: { readonly kind: EntryProblemKind; readonly detail: string } | undefined
}

const bodyKeys = [
  'actorId',
  'chain',
  'eventKind',
  'eventVersion',
  'occurredAt',
  'payload',
  'sequence',
  'sessionId',
  'v',
]

/** Reads one body and checks its form: JSON, version, field types, canonical text, and the columns shown beside it. */
export function checkBody({ body, shown }: StoredEntry): EntryCheck {
  const value = parseObject(body)
  if (!value) return bad(undefined, 'bad_format', 'the body is no JSON object')
  const fields = readFields(value)
  if (value.v !== 1)
    return bad(fields, 'unsupported_version', `version ${String(value.v).slice(0, 20)} is not known`)
  if (!fields) return bad(undefined, 'bad_format', 'a field of the body is missing or of another type')
  if (!isCanonical(body, value)) return bad(fields, 'non_canonical_body', 'the body is not in canonical form')
  if (shown && !isShownAs(fields, shown))
    return bad(fields, 'non_canonical_body', 'what is shown beside the body differs from it')
  return { fields, problem: undefined }
}

function bad(fields: BodyFields | undefined, kind: EntryProblemKind, detail: string): EntryCheck {
  return { fields, problem: { kind, detail } }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function readFields(value: Record<string, unknown>): BodyFields | undefined {
  const { v, sequence, chain, sessionId, eventKind, actorId, occurredAt, eventVersion, payload } = value
  const atMs =
    typeof occurredAt === 'string' && instant.test(occurredAt) ? Date.parse(occurredAt) : Number.NaN
  const isWhole =
    Number.isSafeInteger(sequence) &&
    Number.isSafeInteger(eventVersion) &&
    typeof payload === 'object' &&
    payload !== null &&
    [chain, sessionId, eventKind, actorId].every((text) => typeof text === 'string') &&
    !Number.isNaN(atMs) &&
    Object.keys(value).length === bodyKeys.length
  if (!isWhole) return undefined
  return {
    v,
    sequence: sequence as number,
    chain: chain as string,
    sessionId: sessionId as string,
    eventKind: eventKind as string,
    actorId: actorId as string,
    atMs,
  }
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/**
 * Whether `text` is the canonical form of `value`, which was parsed from it. The engine's own serialiser settles most
 * cases quickly: what it writes back unchanged, with keys in order, is canonical; only the rest is written anew.
 */
function isCanonical(text: string, value: unknown): boolean {
  if (!text.includes('\\u') && isOrdered(value, 0) && JSON.stringify(value) === text) return true
  return parseCanonical(text) !== undefined
}

/** Keys ascend everywhere, numbers are safe, nothing lies too deep. */
function isOrdered(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return typeof value !== 'string' || value.isWellFormed()
  if (depth >= 64) return false
  if (Array.isArray(value)) return value.every((item) => isOrdered(item, depth + 1))
  let before = ''
  let isFirst = true
  for (const key of Object.keys(value)) {
    if (!isFirst && key <= before) return false
    if (!isOrdered((value as Record<string, unknown>)[key], depth + 1)) return false
    before = key
    isFirst = false
  }
  return true
}

function isShownAs(fields: BodyFields, shown: NonNullable<StoredEntry['shown']>): boolean {
  return (
    fields.sequence === shown.sequence &&
    fields.eventKind === shown.eventKind &&
    fields.actorId === shown.actorId &&
    fields.atMs === shown.atMs &&
    (shown.sessionId === undefined || fields.sessionId === shown.sessionId)
  )
}
