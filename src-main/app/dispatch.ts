import { SignalboxError } from '../contract/errors.ts'
import type { Fact, FactType, NewFact } from '../contract/events.ts'
import type { Actor } from '../contract/procedure.ts'
import type { Decision } from '../domain/decision.ts'
import { isTimely } from '../domain/session/report.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import { cleanEffect, cleanFact, type Mask } from './clean.ts'

/** Who asks, and under which id. */
export interface CommandCall {
  readonly actor: Actor
  readonly commandId: string
}

export interface CommandSpec<A> {
  /** Types of which the first fact of this command may be; tells a retry from an id that was used for something else. */
  readonly types: readonly FactType[]
  /** What it is about, where that is known before. */
  readonly subject?: string
  /** Reads rows and decides; called inside the transaction. */
  readonly decide: () => Decision
  /** The answer, from the facts alone, so that a retry gets the same. */
  readonly reply: (facts: readonly Fact[], atSeq: number) => A
  /** Wait until it is on the disk. */
  readonly isDurable?: boolean
}

export interface DispatchParts {
  readonly store: Store
  readonly clock: Clock
  readonly bus: Bus
  readonly mask: Mask
}

/** Answers of commands that led to no fact are kept for this many commands, for retries. */
const rememberedAnswers = 256

/** The actor as it stands in facts. */
export function actorText(actor: Actor): string {
  return actor.kind === 'operator' || actor.kind === 'daemon' ? actor.kind : `${actor.kind}:${actor.id}`
}

const specKey = (spec: Pick<CommandSpec<unknown>, 'types' | 'subject'>) =>
  `${spec.types.join(' ')} ${spec.subject ?? ''}`

interface DispatchState extends DispatchParts {
  /** Answers of commands that led to no fact, which no receipt tells. */
  readonly answers: Map<string, { readonly spec: string; readonly answer: unknown }>
  readonly listeners: Set<() => void>
}

function afterCommit({ bus, listeners }: DispatchState, facts: readonly Fact[], owes: boolean): void {
  bus.publish(facts)
  if (owes) for (const wake of listeners) wake()
}

function forgiveEnded({ store }: DispatchState, facts: readonly Fact[]): void {
  for (const fact of facts) if (fact.type === 'session.ended') store.outbox.forgive(fact.subject)
}

/** Inside a transaction. A rejection is handed out, not thrown: there is nothing to take back. */
function decideAndCommit(
  state: DispatchState,
  decide: () => Decision,
  actor: string,
  commandId: string | null,
) {
  const decision = decide()
  if (decision.kind === 'reject') return { decision, facts: [] }
  const facts = state.store.commit({
    facts: decision.facts.map((fact) => cleanFact(fact, state.mask)),
    effects: decision.effects.map((effect) => cleanEffect(effect, state.mask)),
    actor,
    atMs: state.clock.nowMs(),
    commandId,
  })
  forgiveEnded(state, facts)
  return { decision, facts }
}

/** The answer of an earlier call with the same id; undefined when there was none. */
function findAnswer<A>({ store, answers }: DispatchState, call: CommandCall, spec: CommandSpec<A>) {
  const known = answers.get(call.commandId)
  if (known) {
    if (known.spec !== specKey(spec)) throw usedOtherwise()
    return known.answer as A
  }
  const facts = store.journal.receipt(call.commandId)
  if (!facts) return undefined
  const first = facts[0]
  const isSame =
    first && spec.types.includes(first.type) && (spec.subject === undefined || spec.subject === first.subject)
  if (!isSame) throw usedOtherwise()
  return spec.reply(facts, facts.at(-1)?.seq ?? first.seq)
}

function dispatch<A>(state: DispatchState, call: CommandCall, spec: CommandSpec<A>): A {
  const earlier = findAnswer(state, call, spec)
  if (earlier !== undefined) return earlier
  const { store, answers } = state
  const { decision, facts } = store.transact(
    () => decideAndCommit(state, spec.decide, actorText(call.actor), call.commandId),
    spec.isDurable,
  )
  if (decision.kind === 'reject') throw new SignalboxError(decision.code, decision.data)
  const answer = spec.reply(facts, facts.at(-1)?.seq ?? store.journal.lastSeq())
  if (facts.length === 0) {
    if (answers.size >= rememberedAnswers) answers.delete(answers.keys().next().value ?? '')
    answers.set(call.commandId, { spec: specKey(spec), answer })
  }
  afterCommit(state, facts, decision.effects.length > 0)
  return answer
}

function record(state: DispatchState, facts: readonly NewFact[], actor: string): readonly Fact[] {
  const { store, clock, mask } = state
  const atMs = clock.nowMs()
  const committed = store.transact(() => {
    const written = facts.flatMap((fact) => {
      const cleaned = cleanFact(fact, mask)
      if (!isTimely(cleaned, store.sessions.read(cleaned.subject))) return []
      return store.commit({ facts: [cleaned], effects: [], actor, atMs, commandId: null })
    })
    forgiveEnded(state, written)
    return written
  })
  afterCommit(state, committed, false)
  return committed
}

/** The one writer: decides a command or takes a report, commits its facts with all that follows, and tells the bus. */
export function createDispatcher(parts: DispatchParts) {
  const state: DispatchState = { ...parts, answers: new Map(), listeners: new Set() }
  return {
    answered: <A>(call: CommandCall, spec: CommandSpec<A>): A | undefined => findAnswer(state, call, spec),
    /** Carries a command out at most once. Throws `SignalboxError` for a rejection. */
    dispatch: <A>(call: CommandCall, spec: CommandSpec<A>): A => dispatch(state, call, spec),
    /** Commits a decision of our own, without a receipt. A rejection changes nothing and gives no facts. */
    decideInternally(decide: () => Decision): readonly Fact[] {
      const { decision, facts } = state.store.transact(() => decideAndCommit(state, decide, 'daemon', null))
      afterCommit(state, facts, decision.kind === 'accept' && decision.effects.length > 0)
      return facts
    },
    /**
     * The door for what effects report: facts that already happened. Late ones about a session that has ended are
     * dropped.
     */
    record: (facts: readonly NewFact[], actor = 'daemon'): readonly Fact[] => record(state, facts, actor),
    /** Told after each commit that owes outside work. */
    onOwed(listener: () => void): () => void {
      state.listeners.add(listener)
      return () => void state.listeners.delete(listener)
    },
  }
}

export type Dispatcher = ReturnType<typeof createDispatcher>

function usedOtherwise(): SignalboxError {
  return new SignalboxError('invalid_input', {
    issues: [{ path: 'commandId', message: 'was used for another command before' }],
  })
}
