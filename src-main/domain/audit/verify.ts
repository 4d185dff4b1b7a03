import type { AuditProblem } from '../../contract/audit.ts'
import { type EntryHash, noHash, sessionOfChain } from './body.ts'
import { type BodyFields, checkBody, type EntryProblemKind, type StoredEntry } from './check-entry.ts'

/** The entry before a part: where it stands, its stored hash, and what its hash should have been. */
export interface ChainPosition {
  readonly sequence: number
  readonly entryHash: string
  readonly rightHash: string
  readonly occurredAtMs: number
}

export interface VerifyOptions {
  readonly chain: string
  readonly hash: EntryHash
  /** Where the list begins; entries before it are taken as they are. Absent = at the first entry. */
  readonly after?: ChainPosition
  /** What is known from elsewhere about the end of the chain. */
  readonly expectedHead?: { readonly length: number; readonly head: string }
}

/** What one pass over a part of a chain found. */
export interface ChainPart {
  readonly entries: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly head: string
  readonly problems: readonly AuditProblem[]
  readonly problemCount: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

const maxListed = 1000
const hex = /^[0-9a-f]{64}$/
const severities: Readonly<Partial<Record<EntryProblemKind, AuditProblem['severity']>>> = {
  time_regression: 'info',
}

interface CheckState {
  entries: number
  firstSequence: number
  sequence: number
  head: string
  /** The hash that the last entry should have had, when the stored one was wrong. */
  recomputed: string | undefined
  firstAtMs: number
  atMs: number
  problemCount: number
  readonly problems: AuditProblem[]
}

function report(state: CheckState, sequence: number, kind: EntryProblemKind, detail: string): void {
  state.problemCount += 1
  if (state.problems.length < maxListed)
    state.problems.push({ sequence, kind, severity: severities[kind] ?? 'error', detail })
}

/**
 * Checks entries one by one as they come, in constant memory. It goes on after an error with what is stored, so that
 * one edit gives one error.
 */
export function createChainCheck(options: VerifyOptions) {
  const { after } = options
  const state: CheckState = {
    entries: 0,
    firstSequence: 0,
    sequence: after?.sequence ?? 0,
    head: after?.entryHash ?? noHash,
    recomputed: after?.rightHash,
    firstAtMs: 0,
    atMs: after?.occurredAtMs ?? 0,
    problemCount: 0,
    problems: [],
  }
  return {
    add: (entry: StoredEntry): void => addEntry(state, options, entry),
    end: (): ChainPart => ({
      entries: state.entries,
      firstSequence: state.firstSequence,
      lastSequence: state.sequence,
      head: state.head,
      problems: state.problems,
      problemCount: state.problemCount,
      firstAtMs: state.firstAtMs,
      lastAtMs: state.atMs,
    }),
  }
}

function addEntry(state: CheckState, options: VerifyOptions, entry: StoredEntry): void {
  const { fields, problem } = checkBody(entry)
  const sequence = entry.shown?.sequence ?? fields?.sequence ?? state.sequence + 1
  const before = state.problemCount
  const isNext = sequence === state.sequence + 1
  const isGenesis = state.entries === 0 && options.after === undefined
  if (!isNext) reportOrder(state, sequence, isGenesis)
  checkHashes(state, options, entry, { sequence, isNext, isGenesis })
  // A changed byte shows in its hash; its form is named only where nothing else speaks already.
  if (state.problemCount === before) {
    if (problem) report(state, sequence, problem.kind, problem.detail)
    else if (fields) checkFields(state, options, fields)
  }
  // An edited time would make its honest neighbour look late.
  if (fields && state.problemCount === before) noteTime(state, fields.atMs)
  if (state.entries === 0) state.firstSequence = sequence
  state.entries += 1
  if (sequence < state.sequence) return
  state.sequence = sequence
  state.head = entry.entryHash
}

function reportOrder(state: CheckState, sequence: number, isGenesis: boolean): void {
  if (isGenesis) report(state, sequence, 'genesis_mismatch', `the chain begins at ${sequence}`)
  else if (sequence === state.sequence) report(state, sequence, 'sequence_duplicate', 'stands here twice')
  else if (sequence > state.sequence)
    report(state, sequence, 'sequence_gap', `${sequence - state.sequence - 1} missing before it`)
  else report(state, sequence, 'sequence_order', `comes after ${state.sequence}`)
}

/**
 * Link and content. A stored hash that was edited breaks two checks, its own and its neighbour's; what the hash should
 * have been tells which of the two was touched.
 */
function checkHashes(
  state: CheckState,
  { hash }: VerifyOptions,
  entry: StoredEntry,
  at: { readonly sequence: number; readonly isNext: boolean; readonly isGenesis: boolean },
): void {
  const { previousHash, entryHash, body } = entry
  const expected = state.recomputed
  state.recomputed = undefined
  // Equal to a hash that was right, and to one that was just computed: nothing else has to be looked at.
  if (at.isNext && previousHash === state.head && hash(previousHash, body) === entryHash) return
  if (!hex.test(previousHash) || !hex.test(entryHash)) {
    report(state, at.sequence, 'bad_format', 'a hash is not 64 hexadecimal digits')
    if (hex.test(previousHash)) state.recomputed = hash(previousHash, body)
    else if (hex.test(state.head)) state.recomputed = hash(state.head, body)
    return
  }
  const isLinked = !at.isNext || previousHash === state.head || previousHash === expected
  if (!isLinked) {
    if (at.isGenesis) report(state, at.sequence, 'genesis_mismatch', 'the first entry follows another one')
    else report(state, at.sequence, 'previous_hash_mismatch', 'does not follow the entry before it')
    if (hex.test(state.head) && hash(state.head, body) === entryHash) return
  }
  const right = hash(previousHash, body)
  if (right === entryHash) return
  state.recomputed = right
  report(state, at.sequence, 'entry_hash_mismatch', 'its content is not what was hashed')
}

function checkFields(state: CheckState, options: VerifyOptions, fields: BodyFields): void {
  if (fields.chain !== options.chain || fields.sessionId !== sessionOfChain(options.chain))
    report(state, fields.sequence, 'chain_mismatch', `belongs to ${fields.chain.slice(0, 100)}`)
  const back = state.atMs - fields.atMs
  if (back > 1000 && (state.entries > 0 || options.after))
    report(state, fields.sequence, 'time_regression', `${back} ms earlier than the entry before it`)
}

function noteTime(state: CheckState, atMs: number): void {
  if (state.entries === 0) state.firstAtMs = atMs
  state.atMs = atMs
}
