import { SignalboxError } from '../../contract/errors.ts'
import type { NewFact } from '../../contract/events.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers } from '../../contract/procedure.ts'
import { accept } from '../../domain/decision.ts'
import { isEnded } from '../../domain/session/project.ts'
import type { AppParts } from '../app-parts.ts'
import type { CommandSpec } from '../dispatch.ts'
import type { AuthorityChange, AuthorityOutcome } from '../kernel-powers.ts'
import { listCapabilities } from '../queries/capability.ts'

interface Changed {
  readonly atSeq: number
  readonly revoked: number
}

/** Who may do what, and taking it away. Each act is done first, then it stands in the chains of the sessions it met. */
export function createCapabilityHandlers(parts: AppParts): Handlers<SignalboxContract>['capability'] {
  const { authority } = parts.powers
  return {
    list: (input) => listCapabilities(parts, input),
    narrow: ({ id, to, expiresInMs }, context) =>
      withoutCount(change(parts, context, id, () => authority.narrow(id, to, expiresInMs))),
    expire: ({ id, expiresInMs }, context) =>
      withoutCount(change(parts, context, id, () => authority.expire(id, expiresInMs))),
    revoke: ({ id }, context) => change(parts, context, id, () => authority.revoke(id)),
  }
}

const withoutCount = ({ atSeq }: Changed) => ({ atSeq })

function change(parts: AppParts, call: CallContext, id: number, act: () => AuthorityOutcome): Changed {
  const { dispatcher, store } = parts
  let outcome: Extract<AuthorityOutcome, { ok: true }> | undefined
  const spec: CommandSpec<Changed> = {
    types: ['capability.narrowed', 'capability.revoked'],
    decide: () => accept(factsOf(outcome?.changes ?? []).filter(({ subject }) => isLive(parts, subject))),
    // A retry counts what stands in the journal: the devices that went, not the handles that were open on them.
    reply: (facts, atSeq) => ({ atSeq, revoked: outcome?.revoked ?? facts.length }),
  }
  const earlier = dispatcher.answered(call, spec)
  if (earlier) return earlier
  const done = act()
  if (!done.ok) throw refusal(id, done)
  outcome = done
  if (done.changes.length === 0) return { atSeq: store.journal.lastSeq(), revoked: done.revoked }
  return dispatcher.dispatch(call, spec)
}

function isLive({ store }: AppParts, sessionId: string): boolean {
  const row = store.sessions.read(sessionId)?.row
  return row !== undefined && !isEnded(row)
}

function refusal(
  id: number,
  { cause, pid, reason }: Extract<AuthorityOutcome, { ok: false }>,
): SignalboxError {
  if (cause === 'gone') return new SignalboxError('capability_not_found', { id })
  if (cause === 'protected')
    return new SignalboxError('process_protected', { pid, reason }, { message: reason })
  return new SignalboxError('capability_not_wider', { id, reason }, { message: reason })
}

/** In the order in which it happened: what was narrowed, what went, what took its place. */
function factsOf(changes: readonly AuthorityChange[]): NewFact[] {
  return changes.map(({ sessionId: subject, pid, device, detail, isGrant }): NewFact => {
    if (isGrant) return { type: 'capability.granted', subject, payload: { pid, devices: [device] } }
    if (detail !== null) return { type: 'capability.narrowed', subject, payload: { pid, device, detail } }
    return { type: 'capability.revoked', subject, payload: { pid, device } }
  })
}
