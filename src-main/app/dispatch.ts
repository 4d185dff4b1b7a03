import { SignalboxError } from '../contract/errors.ts'
import type { Fact, FactType, NewFact } from '../contract/events.ts'
import type { Actor } from '../contract/procedure.ts'
import type { Decision } from '../domain/decision.ts'
import { isTimely } from '../domain/session/report.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import { cleanFact, type Mask } from './clean.ts'

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

/** The one writer: decides a command or takes a report, commits its facts with all that follows, and tells the bus. */
export function createDispatcher({ store, clock, bus, mask }: DispatchParts) {
  const answers = new Map<string, { readonly spec: string; readonly answer: unknown }>()
  const listeners = new Set<() => void>()
  const specKey = (spec: CommandSpec<unknown>) => `${spec.types.join(' ')} ${spec.subject ?? ''}`

  const afterCommit = (facts: readonly Fact[], hasEffects: boolean) => {
    bus.publish(facts)
    if (hasEffects) for (const wake of listeners) wake()
  }
  const remember = (commandId: string, spec: CommandSpec<unknown>, answer: unknown) => {
    if (answers.size >= rememberedAnswers) answers.delete(answers.keys().next().value ?? '')
    answers.set(commandId, { spec: specKey(spec), answer })
  }
  const forgiveEnded = (facts: readonly Fact[]) => {
    for (const fact of facts) if (fact.type === 'session.ended') store.outbox.forgive(fact.subject)
  }

  /** Inside a transaction. A rejection is handed out, not thrown: there is nothing to take back. */
  const decideAndCommit = (decide: () => Decision, actor: string, commandId: string | null) => {
    const decision = decide()
    if (decision.kind === 'reject') return { decision, facts: [] }
    const facts = store.commit({
      facts: decision.facts.map((fact) => cleanFact(fact, mask)),
      effects: decision.effects,
      actor,
      atMs: clock.nowMs(),
      commandId,
    })
    forgiveEnded(facts)
    return { decision, facts }
  }
  /** The answer of an earlier call with the same id; undefined when there was none. */
  const answered = <A>(call: CommandCall, spec: CommandSpec<A>): A | undefined => {
    const known = answers.get(call.commandId)
    if (known) {
      if (known.spec !== specKey(spec)) throw usedOtherwise()
      return known.answer as A
    }
    const facts = store.journal.receipt(call.commandId)
    if (!facts) return undefined
    const first = facts[0]
    const isSame =
      first &&
      spec.types.includes(first.type) &&
      (spec.subject === undefined || spec.subject === first.subject)
    if (!isSame) throw usedOtherwise()
    return spec.reply(facts, facts.at(-1)?.seq ?? first.seq)
  }

  return {
    answered,
    /** Carries a command out at most once. Throws `SignalboxError` for a rejection. */
    dispatch<A>(call: CommandCall, spec: CommandSpec<A>): A {
      const earlier = answered(call, spec)
      if (earlier !== undefined) return earlier
      const { decision, facts } = store.transact(
        () => decideAndCommit(spec.decide, actorText(call.actor), call.commandId),
        spec.isDurable,
      )
      if (decision.kind === 'reject') throw new SignalboxError(decision.code, decision.data)
      const answer = spec.reply(facts, facts.at(-1)?.seq ?? store.journal.lastSeq())
      if (facts.length === 0) remember(call.commandId, spec, answer)
      afterCommit(facts, decision.effects.length > 0)
      return answer
    },
    /** Commits a decision of our own, without a receipt. A rejection changes nothing and gives no facts. */
    decideInternally(decide: () => Decision): readonly Fact[] {
      const { decision, facts } = store.transact(() => decideAndCommit(decide, 'daemon', null))
      afterCommit(facts, decision.kind === 'accept' && decision.effects.length > 0)
      return facts
    },
    /**
     * The door for what effects report: facts that already happened. Late ones about a session that has ended are
     * dropped. `withinCommit` is stored or lost together with them.
     */
    record(facts: readonly NewFact[], actor = 'daemon', withinCommit?: () => void): readonly Fact[] {
      const atMs = clock.nowMs()
      const committed = store.transact(() => {
        const written = facts.flatMap((fact) => {
          const cleaned = cleanFact(fact, mask)
          if (!isTimely(cleaned, store.sessions.read(cleaned.subject))) return []
          return store.commit({ facts: [cleaned], effects: [], actor, atMs, commandId: null })
        })
        forgiveEnded(written)
        withinCommit?.()
        return written
      })
      afterCommit(committed, false)
      return committed
    },
    /** Told after each commit that owes outside work. */
    onOwed(listener: () => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

export type Dispatcher = ReturnType<typeof createDispatcher>

function usedOtherwise(): SignalboxError {
  return new SignalboxError('invalid_input', {
    issues: [{ path: 'commandId', message: 'was used for another command before' }],
  })
}
