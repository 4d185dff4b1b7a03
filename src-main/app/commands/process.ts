import { type ErrorData, SignalboxError } from '../../contract/errors.ts'
import type { FactType, NewFact } from '../../contract/events.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers, ParsedInputOf } from '../../contract/procedure.ts'
import type { Budget } from '../../contract/session.ts'
import { accept } from '../../domain/decision.ts'
import { isEnded } from '../../domain/session/project.ts'
import type { AppParts } from '../app-parts.ts'
import { dollars } from '../budgets.ts'
import type { CommandSpec } from '../dispatch.ts'
import type { BudgetOutcome, ProcessPlace } from '../kernel-powers.ts'
import { createSessionCommands } from './session.ts'

type Verbs = 'suspend' | 'resume' | 'terminate' | 'kill' | 'setPriority' | 'changeBudget'
type SessionId = NonNullable<ProcessPlace['sessionId']>

interface Done {
  readonly atSeq: number
}

const reply = (_facts: unknown, atSeq: number): Done => ({ atSeq })

/** Why nobody may touch the root, in words. */
const rootReason = 'It is the root of the fleet: all sessions run below it.'

/**
 * Acts on kernel processes. On a session's own process they are the session's commands, so that its chain says who wanted
 * what; below it they are the kernel's, with facts in the session's chain.
 */
export function createProcessCommands(
  parts: AppParts,
  session: Pick<
    ReturnType<typeof createSessionCommands>,
    'pause' | 'resume' | 'stop'
  > = createSessionCommands(parts),
): Pick<Handlers<SignalboxContract>['process'], Verbs> {
  const { processes } = parts.powers
  const { atHand, actOn } = createActs(parts)
  return {
    suspend: ({ pid }, context) =>
      actOn(pid, context, {
        own: (sessionId) => session.pause({ sessionId }, context),
        part: () => processes.suspend(pid),
        fact: 'process.suspended',
      }),
    resume: ({ pid }, context) =>
      actOn(pid, context, {
        own: (sessionId) => session.resume({ sessionId }, context),
        part: () => processes.resume(pid),
        fact: 'process.resumed',
      }),
    terminate: ({ pid }, context) =>
      actOn(pid, context, {
        own: (sessionId) => session.stop({ sessionId }, context),
        part: () => processes.term(pid),
      }),
    kill: ({ pid }, context) =>
      actOn(pid, context, {
        own(sessionId) {
          const done = session.stop({ sessionId }, context)
          // The intent stands in its chain; the process need not be asked first.
          processes.kill(pid)
          return done
        },
        part: () => processes.kill(pid),
      }),
    setPriority({ pid, priority }, context) {
      const { sessionId } = atHand(pid)
      processes.setPriority(pid, priority)
      const payload = { priority: null, pid, processPriority: priority }
      return note(parts, context, 'session.reprioritised', [
        ...(sessionId === null
          ? []
          : [{ type: 'session.reprioritised', subject: sessionId, payload } as const]),
      ])
    },
    changeBudget: (input, context) => changeBudget(parts, atHand(input.pid), input, context),
  }
}

interface Act {
  readonly own: (sessionId: SessionId) => Done | Promise<Done>
  readonly part: () => void
  /** What it leaves in the session's chain where it was done below the session's own process. */
  readonly fact?: 'process.suspended' | 'process.resumed'
}

function createActs(parts: AppParts) {
  const { processes } = parts.powers
  /** A live process that may be acted on. Errors: `process_not_found`, `process_protected`. */
  const atHand = (pid: number): ProcessPlace => {
    const place = processes.find(pid)
    if (!place) throw new SignalboxError('process_not_found', { pid })
    if (place.kind === 'fleet') throw new SignalboxError('process_protected', { pid, reason: rootReason })
    return place
  }
  const actOn = (pid: number, context: CallContext, act: Act): Done | Promise<Done> => {
    const earlier = answeredBefore(parts, context, act.fact)
    if (earlier) return earlier
    const { kind, sessionId } = atHand(pid)
    if (kind === 'session' && sessionId !== null) return act.own(sessionId)
    act.part()
    const { fact } = act
    if (fact === undefined || sessionId === null) return { atSeq: parts.store.journal.lastSeq() }
    return note(parts, context, fact, [{ type: fact, subject: sessionId, payload: { pid } }])
  }
  return { atHand, actOn }
}

/** Types of which the first fact of an act may be: its own below a session, the session's command's else. */
const sessionFacts: readonly FactType[] = [
  'session.pauseRequested',
  'session.resumed',
  'session.stopRequested',
]

function answeredBefore(
  { store }: AppParts,
  call: CallContext,
  fact: FactType | undefined,
): Done | undefined {
  const facts = store.journal.receipt(call.commandId)
  const [first] = facts ?? []
  if (!facts || !first || !(first.type === fact || sessionFacts.includes(first.type))) return undefined
  return { atSeq: facts.at(-1)?.seq ?? first.seq }
}

/** Commits what was done just now, as this command; of a session that has ended meanwhile nothing is said. */
function note(
  { store, dispatcher }: AppParts,
  call: CallContext,
  type: FactType,
  facts: readonly NewFact[],
): Done {
  const spec: CommandSpec<Done> = {
    types: [type],
    decide() {
      return accept(
        facts.filter(({ subject }) => {
          const row = store.sessions.read(subject)?.row
          return row !== undefined && !isEnded(row)
        }),
      )
    },
    reply,
  }
  return dispatcher.dispatch(call, spec)
}

function changeBudget(
  parts: AppParts,
  { kind, sessionId }: ProcessPlace,
  { pid, budget }: ParsedInputOf<SignalboxContract['process']['changeBudget']>,
  call: CallContext,
): Done {
  const change = onlyGiven(budget)
  const outcome = parts.powers.processes.changeBudget(pid, change)
  if (!outcome.ok) throw refused(outcome)
  if (sessionId === null || Object.keys(change).length === 0) return { atSeq: parts.store.journal.lastSeq() }
  const row = kind === 'session' ? parts.store.sessions.read(sessionId)?.row : undefined
  const now = row ? ofSession(row.budget, outcome.told, change) : outcome.now
  return note(parts, call, 'budget.changed', [
    { type: 'budget.changed', subject: sessionId, payload: { pid, budget: now } },
  ])
}

type Given = { readonly [K in keyof Budget]?: Budget[K] | undefined }

function onlyGiven(budget: Given): Partial<Budget> {
  return Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== undefined))
}

/**
 * The session's budget after its process's was changed. A session that was taken over after a restart has a process that
 * was given only what was left: what the earlier one had used comes on top.
 */
function ofSession(before: Budget, told: Budget, change: Partial<Budget>): Budget {
  const now = { ...before }
  for (const key of ['tokens', 'usdNanos', 'toolCalls', 'wallMs'] as const) {
    const wanted = change[key]
    if (wanted === undefined) continue
    const [whole, given] = [before[key], told[key]]
    const used = whole === null || given === null ? 0 : Math.max(0, whole - given)
    now[key] = wanted === null ? null : wanted + used
  }
  return now
}

const resourceWords: Readonly<Record<keyof Budget, (amount: number) => string>> = {
  tokens: (amount) => `${amount} tokens`,
  usdNanos: dollars,
  toolCalls: (amount) => `${amount} tool calls`,
  wallMs: (amount) => `${Math.ceil(amount / 1000)} s`,
}

function refused({ resource, limit, amount }: Extract<BudgetOutcome, { ok: false }>): SignalboxError {
  const words = resourceWords[resource](amount)
  const reason =
    limit === 'used'
      ? `${words} are used or promised to what runs below it already.`
      : `What it is part of has only ${words} left to give.`
  const data: ErrorData<'budget_refused'> = { resource, reason }
  return new SignalboxError('budget_refused', data, { message: reason })
}
