import type { StoreRecord } from '../../kernel/journal.ts'

/** A kernel journal that can't be used: what is wrong, and where in the file. */
export class JournalError extends Error {
  readonly code: 'journal_corrupt' | 'journal_locked' | 'journal_failed'
  /** Byte at which the bad line starts, or the record's number in a database. */
  readonly offset: number | undefined

  constructor(
    code: JournalError['code'],
    message: string,
    options: { offset?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'JournalError'
    this.code = code
    this.offset = options.offset
  }
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isFlag: Check = (value) => typeof value === 'boolean'
const orNothing =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const isTrue: Check = (value) => value === true

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isEvent: Check = (value) =>
  isObject(value) &&
  isCount(value.seq) &&
  isTime(value.at) &&
  orNothing(isCount)(value.pid) &&
  isObject(value.ev) &&
  isText(value.ev.kind)

const isOutcome: Check = (value) => {
  if (!isObject(value)) return false
  if ('value' in value) return isText(value.value) && orNothing(isText)(value.sha)
  return 'same' in value ? isText(value.same) : isText(value.code) && isText(value.message)
}

const isCost: Check = (value) =>
  isObject(value) &&
  isCount(value.reductions) &&
  Array.isArray(value.amounts) &&
  value.amounts.length === 5 &&
  value.amounts.every(isCount) &&
  (value.isEstimated === undefined || value.isEstimated === true)

const operation = {
  pid: isCount,
  n: isCount,
  kind: isText,
  driver: isText,
  hash: isText,
  isDoor: orNothing(isTrue),
}

/** What each kind of record is made of; the rest of a line is ignored, as a newer writer may know more. */
const shapes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  header: {
    abi: isCount,
    seed: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
    clock: (value) => value === 'virtual' || value === 'real',
    at: isTime,
    usPerReduction: isCount,
    quantum: isCount,
    agingRounds: isCount,
    isSpawnGated: isFlag,
    root: orNothing(isCount),
    boot: orNothing(isText),
  },
  event: { event: isEvent },
  'io.begin': operation,
  io: {
    ...operation,
    outcome: isOutcome,
    cost: isCost,
    comp: isCount,
    dispatch: isCount,
    at: isTime,
    timers: orNothing(isCount),
    isSync: orNothing(isTrue),
  },
  inject: {
    call: isText,
    args: isText,
    dispatch: isCount,
    calls: isCount,
    at: isTime,
    timers: orNothing(isCount),
    isMidTurn: orNothing(isTrue),
  },
}

/** Reads one record; undefined for anything that is none. */
export function parseRecord(text: string): StoreRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether a line was not written whole: it is no JSON at all. */
export function isTorn(text: string): boolean {
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

function isRecord(value: unknown): value is StoreRecord {
  if (!isObject(value) || !isCount(value.seq) || typeof value.type !== 'string') return false
  const shape = Object.hasOwn(shapes, value.type) ? shapes[value.type] : undefined
  return shape !== undefined && Object.entries(shape).every(([key, check]) => check(value[key]))
}

/** Whether a record must be on the disk before its writer goes on: the outcome of a write that reached the world. */
export function isAcknowledgement(record: StoreRecord): boolean {
  return record.type === 'io' && record.kind === 'write'
}
