import type { Amounts } from './account.ts'
import { KernelError } from './errors.ts'
import type { StampedEvent } from './events.ts'
import { ABI_VERSION, type Pid } from './ids.ts'

/**
 * The journal: everything from outside that a run depended on, in the order in which it took effect. What follows from
 * it (messages, scheduling, capabilities) is not in it, except as the event log beside it.
 */

/** Where a journal is kept. `append` must have the record on its way to the disk when it returns. */
export interface Store {
  append(record: StoreRecord): void
  read(): Iterable<StoreRecord>
  close(): void
}

/** What was asked of the outside; `timer` is a firing, `now` a look at the clock, both only under a real clock. */
export type OpKind = 'open' | 'read' | 'write' | 'now' | 'timer'

/** How an operation ended. A value is text of `encodeValue`; `same` names by hash one that an earlier record holds. */
export type StoredOutcome =
  | { readonly value: string; readonly sha?: string }
  | { readonly same: string }
  | { readonly code: string; readonly message: string }

/** What a cost came to, after it was believed; usd in nano-dollars. */
export interface StoredCost {
  readonly amounts: Amounts
  readonly reductions: number
  readonly isEstimated?: true
}

/** The first record: what a replay has to start from. It holds the seed of all references, so it is a secret. */
export interface HeaderRecord {
  readonly seq: number
  readonly type: 'header'
  readonly abi: number
  readonly seed: string
  readonly clock: 'virtual' | 'real'
  /** Kernel time when the recording began, in ms. */
  readonly at: number
  readonly usPerReduction: number
  readonly quantum: number
  readonly agingRounds: number
  readonly isSpawnGated: boolean
  /** The process whose tree was recorded out of a live kernel; absent for a whole kernel. */
  readonly root?: Pid
  /** The first call that reached the kernel, which is a boot; absent for a tree. */
  readonly boot?: string
}

export interface EventRecord {
  readonly seq: number
  readonly type: 'event'
  readonly event: StampedEvent
}

/** Stored before the driver is called: a begin without an end is in doubt. */
export interface BeginRecord {
  readonly seq: number
  readonly type: 'io.begin'
  readonly pid: Pid
  /** Counts the process's journaled operations from 1; those made through a door have a count of their own. */
  readonly n: number
  readonly kind: string
  readonly driver: string
  /** SHA-256 of the canonical, redacted request, as hex. */
  readonly hash: string
  readonly isDoor?: true
}

/** The end of an operation, stored when its outcome is handed over. */
export interface EndRecord extends Omit<BeginRecord, 'type'> {
  readonly type: 'io'
  readonly outcome: StoredOutcome
  readonly cost: StoredCost
  /** Completion index over the whole journal. */
  readonly comp: number
  /** Dispatches before it was handed over. */
  readonly dispatch: number
  /** Kernel ms when it was handed over. */
  readonly at: number
  /** Timers of processes that had fired before it; only in virtual time, where their firing is not journaled. */
  readonly timers?: number
  /** The driver answered without a promise, within the call. */
  readonly isSync?: true
}

/** Something that reached the kernel from its host. */
export interface InjectRecord {
  readonly seq: number
  readonly type: 'inject'
  readonly call: string
  /** Text of `encodeValue`. */
  readonly args: string
  readonly dispatch: number
  /** System calls entered before it: some calls reach the kernel while a process runs. */
  readonly calls: number
  /** It came in the middle of a turn, after which nothing more was dispatched in it. */
  readonly isMidTurn?: true
  readonly timers?: number
  readonly at: number
}

export type StoreRecord = HeaderRecord | EventRecord | BeginRecord | EndRecord | InjectRecord

/** A record before its store number is given. */
export type Unnumbered = StoreRecord extends infer R
  ? R extends StoreRecord
    ? Omit<R, 'seq'>
    : never
  : never

/** A journal read back, arranged for a replay. */
export interface Journal {
  readonly header: HeaderRecord
  /** What is handed over from outside, in order: ends of parked operations, timers, calls of the host. */
  readonly script: readonly (EndRecord | InjectRecord)[]
  /** Operations of each process in the order of its own count; `end` is missing where the outcome is in doubt. */
  readonly operations: ReadonlyMap<Pid, readonly JournaledOp[]>
  /** Operations made through doors, in the order in which they began. */
  readonly doors: readonly JournaledOp[]
  readonly events: readonly StampedEvent[]
  /** Number of the last record. */
  readonly lastSeq: number
  readonly lastComp: number
}

export interface JournaledOp {
  readonly begin: Pick<BeginRecord, 'pid' | 'n' | 'kind' | 'driver' | 'hash'>
  end: EndRecord | undefined
}

/** A journal that is nowhere but in memory. */
export class MemoryStore implements Store {
  readonly records: StoreRecord[] = []
  isClosed = false

  append(record: StoreRecord): void {
    if (this.isClosed) throw new KernelError('ECLOSED', 'journal is closed')
    this.records.push(record)
  }

  read(): Iterable<StoreRecord> {
    return this.records.values()
  }

  close(): void {
    this.isClosed = true
  }
}

/**
 * Arranges a store's records for a replay. EINVAL when they are no journal (no header, a gap in the numbers, an end
 * without a begin, a record twice), EABI when another kernel wrote them.
 */
export function journalFromStore(store: Pick<Store, 'read'>): Journal {
  const operations = new Map<Pid, JournaledOp[]>()
  const script: (EndRecord | InjectRecord)[] = []
  const doors: JournaledOp[] = []
  const events: StampedEvent[] = []
  let header: HeaderRecord | undefined
  let lastSeq = 0
  let lastComp = 0
  for (const record of store.read()) {
    if (record.seq !== lastSeq + 1) broken(`record ${record.seq} follows record ${lastSeq}`)
    lastSeq = record.seq
    if (record.type === 'header') header = checkHeader(header, record)
    else if (!header) broken('the first record is no header')
    else if (record.type === 'event') events.push(record.event)
    else if (record.type === 'inject') script.push(record)
    else if (record.type === 'io.begin') addBegin(operations, doors, record)
    else {
      if (record.kind === 'now' && !record.isDoor)
        addBegin(operations, doors, { ...record, type: 'io.begin' })
      if (record.comp !== lastComp + 1) broken(`completion ${record.comp} follows completion ${lastComp}`)
      lastComp = record.comp
      if (record.isDoor) addDoorEnd(doors, record)
      else if (record.kind !== 'timer') addEnd(operations, record)
      if (!record.isSync) script.push(record)
    }
  }
  if (!header) return broken('it is empty')
  return { header, script: withBoot(header, script), operations, doors, events, lastSeq, lastComp }
}

/** The event log that a store holds, in order. */
export function eventsFromStore(store: Pick<Store, 'read'>): StampedEvent[] {
  const events: StampedEvent[] = []
  for (const record of store.read()) if (record.type === 'event') events.push(record.event)
  return events
}

function checkHeader(known: HeaderRecord | undefined, record: HeaderRecord): HeaderRecord {
  if (known) broken('it has two headers')
  if (record.abi !== ABI_VERSION) throw new KernelError('EABI', `journal of ABI ${record.abi}`)
  return record
}

function addBegin(operations: Map<Pid, JournaledOp[]>, doors: JournaledOp[], record: BeginRecord): void {
  if (record.isDoor) {
    doors.push({ begin: record, end: undefined })
    return
  }
  const list = operations.get(record.pid) ?? []
  if (record.n !== list.length + 1) broken(`operation ${record.n} of process ${record.pid} is out of order`)
  list.push({ begin: record, end: undefined })
  operations.set(record.pid, list)
}

function addEnd(operations: Map<Pid, JournaledOp[]>, record: EndRecord): void {
  const op = operations.get(record.pid)?.[record.n - 1]
  if (op && !op.end) op.end = record
  else broken(`operation ${record.n} of process ${record.pid} ends without having begun`)
}

function addDoorEnd(doors: readonly JournaledOp[], record: EndRecord): void {
  const op = doors.find(({ begin, end }) => !end && begin.pid === record.pid && begin.n === record.n)
  if (op) op.end = record
  else broken(`operation ${record.n} at a door of process ${record.pid} ends without having begun`)
}

function withBoot(
  header: HeaderRecord,
  script: readonly (EndRecord | InjectRecord)[],
): readonly (EndRecord | InjectRecord)[] {
  if (header.boot === undefined) return script
  const boot = {
    seq: 0,
    type: 'inject',
    call: 'boot',
    args: header.boot,
    dispatch: 0,
    calls: 0,
    at: header.at,
  } as const
  return [boot, ...script]
}

function broken(why: string): never {
  throw new KernelError('EINVAL', `not a journal: ${why}`)
}
