import { SignalboxError } from '../../contract/errors.ts'
import type { NewFact } from '../../contract/events.ts'
import { WorkareaId } from '../../contract/ids.ts'
import type { EndReason, SessionRow } from '../../contract/session.ts'
import type { Clock, Ids, Log } from '../../ports/clock.ts'
import type { Executor } from '../../ports/executor.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Secrets } from '../../ports/secrets.ts'
import type { WorkareaRecord, Workareas } from '../../ports/workareas.ts'
import type { Asks } from './asks.ts'
import type { KernelHost, KernelNews, StartTurn } from './kernel-host.ts'
import type { AcceptedSession, Ledger } from './ledger.ts'
import { createLiveSession, type LiveSession } from './live-session.ts'
import { openRuntimeSession } from './runtime-session.ts'
import { createUsageMeter } from './usage-meter.ts'

export interface HostPowers {
  readonly ledger: Ledger
  readonly kernel: KernelHost
  readonly workareas: Workareas
  readonly executor: Executor
  readonly runtimeOf: (kind: SessionRow['runtime']) => Runtime | undefined
  readonly secrets: Secrets
  readonly asks: Asks
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Scratch homes: made owner-only and empty, removed when the session is over. */
  readonly homes: { make(sessionId: string): Promise<string>; remove(sessionId: string): Promise<void> }
}

/** The live sessions of this process and what they share. */
export interface HostState {
  readonly byId: Map<string, LiveSession>
  readonly byPid: Map<number, LiveSession>
}

/** Time for a runtime's own cancel before its process is killed. */
export const cancelMs = 2000

/** Takes a session from its admission to its first turn. Failures end the session with a message; nothing is thrown. */
export async function runSession(powers: HostPowers, state: HostState, sessionId: string): Promise<void> {
  const accepted = powers.ledger.accepted(sessionId)
  if (accepted?.row.status !== 'working' || state.byId.has(sessionId)) return
  const live = createLiveSession(accepted.row)
  state.byId.set(sessionId, live)
  if (live.stopRequested) live.abort.abort()
  try {
    live.abort.signal.throwIfAborted()
    const record = await prepareWorkarea(powers, live, accepted)
    live.abort.signal.throwIfAborted()
    await startProcess(powers, state, live, accepted, record)
  } catch (error) {
    await endUnstarted(powers, state, live, error)
  }
}

async function prepareWorkarea(
  powers: HostPowers,
  live: LiveSession,
  accepted: AcceptedSession,
): Promise<WorkareaRecord> {
  const { ledger, workareas, ids } = powers
  const inherited = accepted.row.continues === null ? undefined : ledger.workareaOf(accepted.row.continues)
  const known = ledger.workareaOf(live.id) ?? inherited
  if (known && !(await workareas.exists(known)))
    throw new SignalboxError('workarea_gone', { workareaId: known.workareaId })
  const record =
    known ??
    (await workareas.acquire(
      {
        workareaId: `wka-${ids.short()}`,
        sessionId: live.id,
        repositoryPath: accepted.repositoryPath,
        branchSlug: slugOf(accepted.row.title),
        carryChanges: accepted.carryChanges,
        ...(accepted.base === null ? {} : { base: accepted.base }),
      },
      live.abort.signal,
    ))
  ledger.record([acquiredFact(live.id, record, known !== undefined)])
  return record
}

function acquiredFact(sessionId: string, record: WorkareaRecord, isContinued: boolean): NewFact {
  return {
    type: 'workarea.acquired',
    subject: sessionId,
    payload: {
      workareaId: WorkareaId.parse(record.workareaId),
      path: record.path,
      branch: record.branch,
      baseRef: record.baseRef,
      baseCommit: record.baseCommit,
      mode: isContinued ? 'continued' : record.mode,
      carriedChanges: record.carriedChanges,
      notes: [...record.notes],
    },
  }
}

/** Lower-case words of a title for a branch name: at most 40 characters, never empty. */
export function slugOf(title: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return words.slice(0, 40).replace(/-+$/, '') || 'session'
}

async function startProcess(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  accepted: AcceptedSession,
  record: WorkareaRecord,
): Promise<void> {
  const { ledger, kernel, executor } = powers
  const runtime = powers.runtimeOf(accepted.row.runtime)
  if (!runtime)
    throw new SignalboxError('agent_unavailable', { agent: accepted.row.agent, state: 'not_installed' })
  const wall = await executor.probe()
  if (!(wall.files && wall.network) && !accepted.acceptUnconfined)
    throw new SignalboxError('not_confined', {
      reason: wall.reason,
      ...(wall.remedy ? { remedy: wall.remedy } : {}),
    })
  const home = await powers.homes.make(live.id)
  const devices = [
    ...new Set([
      `runtime:${runtime.kind}`,
      `workarea:${record.workareaId}`,
      ...runtime.devices(accepted.row.agent, accepted.row.model),
      ...accepted.hosts.map((host) => `net:${host}`),
    ]),
  ]
  const first = { promptId: null, text: accepted.prompt }
  const { pid, parent } = kernel.spawn({
    sessionId: live.id,
    runtime: runtime.kind,
    budget: accepted.row.budget,
    devices,
    priority: 0,
    prompts: [first, ...ledger.waitingPrompts(live.id)],
  })
  live.pid = pid
  state.byPid.set(pid, live)
  live.meter = createUsageMeter(accepted.row.payment, () => kernel.usage(pid))
  ledger.record([
    { type: 'process.spawned', subject: live.id, payload: { pid, name: `session ${live.id}`, parent } },
    { type: 'capability.granted', subject: live.id, payload: { pid, devices } },
  ])
  try {
    live.handle = await runtime.start(openRuntimeSession(powers, live, { accepted, record, home, pid }))
    reportStarted(powers, live, accepted, pid)
  } catch (error) {
    live.failure = describe(error)
    if (!live.isEnding) kernel.kill(pid)
  }
}

function reportStarted(
  { ledger }: HostPowers,
  live: LiveSession,
  accepted: AcceptedSession,
  pid: number,
): void {
  if (!live.handle) return
  const { program, version, confinement } = live.handle
  ledger.record([
    {
      type: 'agent.materialised',
      subject: live.id,
      payload: {
        agent: accepted.row.agent,
        runtime: accepted.row.runtime,
        program,
        version,
        confinement,
        grantedFiles: [],
      },
    },
    { type: 'session.started', subject: live.id, payload: { pid } },
  ])
}

/** One turn of a session's process: waits for the runtime to stand, then lets it work on the prompt. */
export function createStartTurn(powers: HostPowers, state: HostState): StartTurn {
  return async (pid, prompt, signal) => {
    const live = state.byPid.get(pid)
    const handle = await waitForHandle(powers, live, signal)
    if (!live || !handle) throw new Error(live?.failure ?? 'the session is not there any more')
    if (prompt.promptId !== null) powers.ledger.markPromptDelivered(prompt.promptId)
    powers.ledger.appendActivity(live.id, { kind: 'prompt', text: prompt.text })
    const turn = new AbortController()
    live.turn = turn
    const result = await handle
      .turn(prompt.text, AbortSignal.any([turn.signal, signal]))
      .catch((error: unknown) => {
        if (!turn.signal.aborted && !signal.aborted) live.failure = describe(error)
        throw error
      })
    live.turn = undefined
    if (result.kind === 'refused') {
      live.failure = result.reason
      throw new Error(result.reason)
    }
  }
}

async function waitForHandle({ clock }: HostPowers, live: LiveSession | undefined, signal: AbortSignal) {
  while (live && !live.handle && live.failure === undefined && !signal.aborted) {
    await new Promise<void>((resolve) => void clock.after(5, resolve))
  }
  return live?.handle
}

/** Follows what the kernel says of session processes; the exit of one starts the end of its session. */
export function createNewsListener(powers: HostPowers, state: HostState): (news: KernelNews) => void {
  return (news) => {
    const live = state.byPid.get(news.pid)
    if (!live) return
    const subject = live.id
    if (news.type === 'exited') {
      void endSession(powers, state, live, news.reason).catch((error: unknown) =>
        powers.log.error('ending a session failed', { subject, error }),
      )
    } else if (news.type === 'budget.exceeded') {
      powers.ledger.record([
        {
          type: 'budget.exceeded',
          subject,
          payload: { pid: news.pid, resource: news.resource, used: news.used, limit: news.limit },
        },
      ])
    } else if (news.type === 'capability.revoked') {
      powers.ledger.record([
        { type: 'capability.revoked', subject, payload: { pid: news.pid, device: news.device } },
      ])
    } else if (news.type === 'capability.narrowed') {
      powers.ledger.record([
        {
          type: 'capability.narrowed',
          subject,
          payload: { pid: news.pid, device: news.device, detail: news.detail },
        },
      ])
    }
  }
}

/** The end in order: nothing of it runs any more, its tree is stored, then the fact is written and the slot is free. */
async function endSession(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  reason: EndReason,
): Promise<void> {
  if (live.isEnding) return
  live.isEnding = true
  const pid = live.pid ?? 0
  powers.ledger.record([{ type: 'process.exited', subject: live.id, payload: { pid, reason } }])
  live.abort.abort()
  await live.handle
    ?.close()
    .catch((error: unknown) => powers.log.warn('the runtime did not close', { session: live.id, error }))
  await Promise.all([...live.children].map((child) => child.terminate(2000).catch(() => undefined)))
  await storeResult(powers, live)
  finish(
    powers,
    state,
    live,
    live.failure !== undefined && reason.kind === 'killed' && !live.stopRequested
      ? { kind: 'fault', error: live.failure }
      : reason,
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

function finish(powers: HostPowers, state: HostState, live: LiveSession, endReason: EndReason): void {
  const { ledger } = powers
  const usage =
    live.meter?.usage() ?? createUsageMeter(live.row.payment, () => ({ toolCalls: 0, wallMs: 0 })).usage()
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
        endReason,
        message: live.stopRequested ? null : messageOf(endReason, live),
        usage,
        activityCount: count,
        activitiesDigest: digest,
      },
    },
  ])
  state.byId.delete(live.id)
  if (live.pid !== undefined) state.byPid.delete(live.pid)
}

function messageOf(reason: EndReason, live: LiveSession): string | null {
  if (reason.kind === 'fault') return live.failure ?? reason.error
  if (reason.kind === 'quota')
    return quotaWords[reason.resource] ?? `The budget of ${reason.resource} is used up.`
  return null
}

const quotaWords: Readonly<Record<string, string>> = {
  toolCalls: 'The budget of tool calls is used up.',
  tokens: 'The budget of tokens is used up.',
  usd: 'The budget of money is used up.',
  wallMs: 'The time of the session is used up.',
}

/** A session that failed or was stopped before it had a process, or whose process could not be set up. */
async function endUnstarted(
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
