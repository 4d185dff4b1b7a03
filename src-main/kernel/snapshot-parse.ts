import type { Quota, RemoteSender } from './abi.ts'
import { openRoot } from './account.ts'
import { copyBody } from './copy.ts'
import { checkName } from './device.ts'
import { invalid, KernelError } from './errors.ts'
import type { MsgId, Pid } from './ids.ts'
import { parsePriority } from './lifetime.ts'
import { decodeValue } from './value-text.ts'

/**
 * Reads a snapshot, which has been out of our hands: everything is checked, and every body read, before anything is done.
 */

export interface SnapshotFields {
  readonly name: string
  /** Resident and swapped ones together, in the order of writing. */
  readonly segments: readonly SegmentFields[]
  readonly residentTokens: number
  readonly mailbox: readonly MessageFields[]
  readonly remaining: Quota
  readonly priority: number
  readonly deadlineRemainingMs: number | undefined
}

interface SegmentFields {
  /** The number in its id. */
  readonly number: number
  readonly order: number
  readonly body: unknown
  readonly tokens: number
  readonly isResident: boolean
  readonly isPinned: boolean
  readonly isSummary: boolean
}

interface MessageFields {
  readonly from: Pid
  readonly body: unknown
  readonly corr: MsgId | undefined
  readonly deadlineRemainingMs: number | undefined
  readonly remote: RemoteSender | undefined
}

type Fields = Readonly<Record<string, unknown>>

const QUOTA_KEYS = ['tokens', 'toolCalls', 'usd', 'children', 'mem', 'wallMs', 'maxMailbox'] as const
/** Numbers of segments beyond this would leave the kernel's own counter no room. */
const MAX_SEGMENT = 2 ** 52

/** EABI for a snapshot of another ABI; EINVAL, with the part that is wrong, for what is no snapshot. */
export function parseSnapshot(value: unknown, abi: number): SnapshotFields {
  const fields = recordOf(plainOf(value), 'snapshot')
  if (fields.abi !== abi) throw new KernelError('EABI', `snapshot of ABI ${String(fields.abi)}, not ${abi}`)
  const segments = parseContext(recordOf(fields.context, 'context'))
  const residentTokens = segments.reduce((sum, one) => sum + (one.isResident ? one.tokens : 0), 0)
  if (!Number.isSafeInteger(residentTokens)) invalid('snapshot holds too many tokens')
  return {
    name: checkName(fields.name),
    segments,
    residentTokens,
    mailbox: listOf(fields.mailbox, 'mailbox').map(parseMessage),
    remaining: parseQuota(recordOf(recordOf(fields.budget, 'budget').remaining, 'remaining budget')),
    priority: parsePriority(fields.priority),
    deadlineRemainingMs: optionalNumber(fields.deadlineRemainingMs, 'deadline'),
  }
}

/** What its JSON says and nothing else: with no code of anyone's in it, whatever is read twice reads the same. */
function plainOf(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return invalid('snapshot is no JSON')
  }
}

function parseContext(context: Fields): SegmentFields[] {
  const pins = new Set(listOf(context.pins, 'pins'))
  const resident = listOf(context.resident, 'resident set').map((one) => parseSegment(one, true, pins))
  const swap = listOf(context.swap, 'swap').map((one) => parseSegment(one, false, pins))
  const segments = [...resident, ...swap].sort((a, b) => a.order - b.order)
  if (new Set(segments.map((one) => one.number)).size < segments.length)
    invalid('snapshot has one segment twice')
  return segments
}

function parseSegment(value: unknown, isResident: boolean, pins: ReadonlySet<unknown>): SegmentFields {
  const { id, body, tokens, order, summary } = recordOf(value, 'segment')
  const number = typeof id === 'string' && /^s[1-9]\d{0,15}$/.test(id) ? Number(id.slice(1)) : 0
  if (number < 1 || number > MAX_SEGMENT) invalid('segment has no proper id')
  if (!Number.isSafeInteger(tokens) || (tokens as number) < 1) invalid('segment has no proper size')
  if (typeof order !== 'number' || !Number.isFinite(order)) invalid('segment has no place')
  return {
    number,
    order: order as number,
    body: parseBody(body),
    tokens: tokens as number,
    isResident,
    isPinned: pins.has(id),
    isSummary: summary === true,
  }
}

function parseMessage(value: unknown): MessageFields {
  const { from, body, corr, deadlineRemainingMs, remote } = recordOf(value, 'message')
  if (!isCount(from)) invalid('message has no sender')
  if (corr !== undefined && typeof corr !== 'string') invalid('message has a bad corr')
  return {
    from: from as Pid,
    body: parseBody(body),
    corr: corr as MsgId | undefined,
    deadlineRemainingMs: optionalNumber(deadlineRemainingMs, 'message deadline'),
    remote: remote === undefined ? undefined : parseRemote(recordOf(remote, 'remote sender')),
  }
}

function parseRemote({ node, pid }: Fields): RemoteSender {
  if (typeof node !== 'string' || !isCount(pid)) invalid('message has a bad remote sender')
  return { node: node as string, pid: pid as Pid }
}

function parseQuota(fields: Fields): Quota {
  const quota: Record<string, number> = {}
  for (const key of QUOTA_KEYS) {
    const value = fields[key]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) invalid(`budget has a bad ${key}`)
    quota[key] = value as number
  }
  // Opening an account is what checks limits.
  openRoot(quota)
  return quota
}

/** A body is tagged text's JSON; what it says has to be one that a process could have sent. */
function parseBody(body: unknown): unknown {
  if (body === undefined) invalid('a body is missing')
  return copyBody(decodeValue(JSON.stringify(body)))
}

function recordOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid(`${what} is no object`)
  return value as Fields
}

function listOf(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : invalid(`${what} is no list`)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Remaining times may be past their end. */
function optionalNumber(value: unknown, what: string): number | undefined {
  if (value === undefined) return undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : invalid(`${what} is no number`)
}
