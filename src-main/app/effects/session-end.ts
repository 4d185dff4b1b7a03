import { SignalboxError } from '../../contract/errors.ts'
import { WorkareaId } from '../../contract/ids.ts'
import type { EndReason } from '../../contract/session.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { HostPowers, HostState } from './host-powers.ts'
import { isCutOff, lastWords } from './last-words.ts'
import type { LiveSession } from './live-session.ts'
import { overBudget } from './model-access.ts'
import { createUsageMeter } from './usage-meter.ts'

/** The end in order: nothing of it runs any more, its tree is stored, then the fact is written and the slot is free. */
export async function endSession(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  reason: EndReason,
): Promise<void> {
  if (live.isEnding) return
  live.isEnding = true
  const pid = live.pid ?? 0
  powers.ledger.record([{ type: 'process.exited', subject: live.id, payload: { pid, reason } }])
  if (isCutOff(live)) await lastWords(powers, live)
  live.abort.abort()
  await live.handle
    ?.close()
    .catch((error: unknown) => powers.log.warn('the runtime did not close', { session: live.id, error }))
  await Promise.all([...live.children].map((child) => child.terminate(2000).catch(() => undefined)))
  await storeResult(powers, live)
  const recordingDigest = await digestOf(powers, live.id)
  finish(
    powers,
    state,
    live,
    live.failure !== undefined && reason.kind === 'killed' && !live.stopRequested
      ? { kind: 'fault', error: live.failure }
      : reason,
    recordingDigest,
  )
  await powers.homes.remove(live.id)
}

/** Counts the changes and stores the tree under the session's result ref, so that nothing is lost whatever comes next. */
async function storeResult({ ledger, workareas, log }: HostPowers, live: LiveSession): Promise<void> {
  const record = ledger.workareaOf(live.id)
  if (!record) return
  try {
    await reportChanges({ ledger, workareas }, live.id, record)
    await workareas.saveResult(record, `${live.row.title}\n\nSignalbox session ${live.id}`)
  } catch (error) {
    log.warn('the result of a session could not be stored', { session: live.id, error })
    ledger.appendActivity(live.id, {
      kind: 'error',
      text: `The result could not be stored as a commit: ${describe(error)}. The workarea itself is untouched.`,
    })
  }
}

/** Records how much of the workarea differs from its base now, if that is news. */
export async function reportChanges(
  { ledger, workareas }: Pick<HostPowers, 'ledger' | 'workareas'>,
  sessionId: string,
  record: WorkareaRecord,
): Promise<void> {
  const { tree, ...changes } = await workareas.counts(record)
  const before = ledger.accepted(sessionId)?.row.changes
  const isSame = before
    ? before.files === changes.files &&
      before.insertions === changes.insertions &&
      before.deletions === changes.deletions
    : changes.files === 0
  if (isSame) return
  ledger.record([
    {
      type: 'workarea.changed',
      subject: sessionId,
      payload: { workareaId: WorkareaId.parse(record.workareaId), changes, tree },
    },
  ])
}

/** The digest of what was recorded, which the last model call closes; not waited for long. */
function digestOf({ recordings, clock }: HostPowers, sessionId: string): Promise<string | undefined> {
  const limit = Promise.withResolvers<undefined>()
  const cancel = clock.after(digestMs, () => limit.resolve(undefined))
  return Promise.race([recordings.digestOf(sessionId), limit.promise]).finally(cancel)
}

const digestMs = 2000

function finish(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  endReason: EndReason,
  recordingDigest?: string,
): void {
  const { ledger } = powers
  const usage =
    live.meter?.usage() ??
    createUsageMeter(live.row.payment, null, () => ({ toolCalls: 0, wallMs: 0 })).usage()
  const late = ledger.waitingPrompts(live.id).length
  if (late > 0)
    ledger.appendActivity(live.id, {
      kind: 'error',
      text: `${late} prompt(s) came too late to be delivered. Start a follow-up session to go on.`,
    })
  const { count, digest } = ledger.sealActivities(live.id)
  ledger.rememberChild(live.id, null)
  ledger.record([
    {
      type: 'session.ended',
      subject: live.id,
      payload: {
        endReason: live.isShutDown && endReason.kind === 'killed' ? { kind: 'shutdown' } : endReason,
        message: live.isShutDown ? shutDownWords : live.stopRequested ? null : messageOf(endReason, live),
        usage,
        activityCount: count,
        activitiesDigest: digest,
        ...(recordingDigest === undefined ? {} : { recordingDigest }),
      },
    },
  ])
  powers.gateway?.close(live.id)
  state.byId.delete(live.id)
  if (live.pid !== undefined) state.byPid.delete(live.pid)
}

function messageOf(reason: EndReason, live: LiveSession): string | null {
  if (reason.kind === 'fault') return live.failure ?? reason.error
  if (reason.kind === 'quota' && live.exceeded?.resource === reason.resource) return overBudget(live.exceeded)
  if (reason.kind === 'quota')
    return quotaWords[reason.resource] ?? `The budget of ${reason.resource} is used up.`
  return null
}

const shutDownWords = 'Signalbox was quit while it ran.'

const quotaWords: Readonly<Record<string, string>> = {
  toolCalls: 'The budget of tool calls is used up.',
  tokens: 'The budget of tokens is used up.',
  usd: 'The budget of money is used up.',
  wallMs: 'The time of the session is used up.',
}

/** A session that failed or was stopped before it had a process, or whose process could not be set up. */
export async function endUnstarted(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  error: unknown,
): Promise<void> {
  if (live.isEnding || live.pid !== undefined) return
  live.isEnding = true
  live.failure = describe(error)
  powers.log.warn('a session could not be started', { session: live.id, error })
  if (!live.stopRequested) powers.ledger.appendActivity(live.id, { kind: 'error', text: live.failure })
  finish(
    powers,
    state,
    live,
    live.stopRequested ? { kind: 'killed', by: 0 } : { kind: 'fault', error: live.failure },
  )
  await powers.homes.remove(live.id)
}

/** A sentence for people: the error's own message, with its code's data where it has no words of its own. */
export function describe(error: unknown): string {
  if (error instanceof SignalboxError) {
    const detail = Object.values(error.data as Record<string, unknown>)
      .filter((value) => typeof value === 'string')
      .join(': ')
    const text = error.message === error.code ? error.code.replaceAll('_', ' ') : error.message
    return detail === '' || text.includes(detail) ? text : `${text} (${detail})`
  }
  return error instanceof Error ? error.message : String(error)
}
