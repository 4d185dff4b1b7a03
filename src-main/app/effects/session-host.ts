import { SignalboxError } from '../../contract/errors.ts'
import type { NewFact } from '../../contract/events.ts'
import { WorkareaId } from '../../contract/ids.ts'
import type { Budget, Usage } from '../../contract/session.ts'
import { processPriorityOf } from '../../domain/session/reprioritise.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { HostPowers, HostState, PlayedRecording } from './host-powers.ts'
import type { KernelNews } from './kernel-host.ts'
import type { AcceptedSession } from './ledger.ts'
import { createLiveSession, type LiveSession } from './live-session.ts'
import { openRuntimeSession } from './runtime-session.ts'
import { describe, endSession, endUnstarted } from './session-end.ts'
import { createUsageMeter } from './usage-meter.ts'

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
  await powers.learnSecrets([record.path, accepted.repositoryPath])
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
      borrowedObjectStores: [...record.borrowedObjectStores],
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
  const runtime = powers.runtimeOf(accepted.row.runtime)
  if (!runtime) {
    throw new SignalboxError('agent_unavailable', { agent: accepted.row.agent, state: 'not_installed' })
  }
  await requireWall(powers, accepted)
  const home = await powers.homes.make(live.id)
  live.abort.signal.throwIfAborted()
  const { row } = accepted
  const replayed = await playedRecording(powers, accepted)
  const wanted = await runtime.devices(row.agent, row.model, row.payment, replayed?.model)
  live.abort.signal.throwIfAborted()
  const pid = spawnProcess(powers, state, live, accepted, { record, runtime, wanted, first: accepted.prompt })
  try {
    const handle = await runtime.start(
      openRuntimeSession(powers, live, { accepted, record, home, pid, replayed }),
    )
    live.handle = handle
    reportStarted(powers, live, accepted, pid)
    live.ready.resolve(handle)
  } catch (error) {
    live.failure = describe(error)
    live.ready.resolve(undefined)
    if (!live.isEnding) powers.kernel.kill(pid)
  }
}

/** The recording that a session plays. Errors: `not_replayable`. */
export async function playedRecording(
  { recordings }: HostPowers,
  { replays }: AcceptedSession,
): Promise<PlayedRecording | undefined> {
  return replays === null ? undefined : recordings.play(replays)
}

async function requireWall({ executor }: HostPowers, accepted: AcceptedSession): Promise<void> {
  const wall = await executor.probe()
  if ((wall.files && wall.network) || accepted.acceptUnconfined) return
  const { reason, remedy } = wall
  throw new SignalboxError('not_confined', remedy ? { reason, remedy } : { reason })
}

export interface SpawnInput {
  readonly record: WorkareaRecord
  readonly runtime: Runtime
  /** Devices that the runtime needs beyond the workarea. */
  readonly wanted: readonly string[]
  /** The first turn's prompt; those that wait by now follow. */
  readonly first: string
}

/** Makes the kernel process of a session with its capabilities and what is left of its budget; returns its pid. */
export function spawnProcess(
  { kernel, ledger }: HostPowers,
  state: HostState,
  live: LiveSession,
  accepted: AcceptedSession,
  { record, runtime, wanted, first }: SpawnInput,
): number {
  const { row, hosts } = accepted
  const devices = [
    ...new Set([
      `runtime:${runtime.kind}`,
      `workarea:${record.workareaId}`,
      ...wanted,
      ...hosts.map((host) => `net:${host}`),
    ]),
  ]
  const left = remaining(row.budget, row.usage)
  // What costs nothing must not keep the fleet's money from others.
  const budget = row.payment === 'none' ? { ...left, usdNanos: null } : left
  // In one go with the fact of the process: one that is asked for later is handed to it.
  const prompts = [{ promptId: null, text: first }, ...ledger.waitingPrompts(live.id)]
  const { pid, parent } = kernel.spawn({
    sessionId: live.id,
    runtime: runtime.kind,
    budget,
    devices,
    priority: processPriorityOf(row.priority),
    prompts,
  })
  live.pid = pid
  for (const { promptId } of prompts) if (promptId !== null) live.given.add(promptId)
  state.byPid.set(pid, live)
  const { toolCalls, wallMs } = row.usage
  live.meter = createUsageMeter(row.payment, row.usage, () => {
    const used = kernel.usage(pid)
    return { toolCalls: toolCalls + used.toolCalls, wallMs: wallMs + used.wallMs }
  })
  ledger.record([
    { type: 'process.spawned', subject: live.id, payload: { pid, name: `session ${live.id}`, parent } },
    { type: 'capability.granted', subject: live.id, payload: { pid, devices } },
  ])
  return pid
}

/** What is left of a budget after what an earlier process of the same session used. */
function remaining(budget: Budget, used: Usage): Budget {
  const left = (limit: number | null, spent: number | null) =>
    limit === null ? null : Math.max(0, limit - (spent ?? 0))
  return {
    tokens: left(budget.tokens, (used.inputTokens ?? 0) + (used.outputTokens ?? 0)),
    usdNanos: left(budget.usdNanos, used.costUsdNanos),
    toolCalls: left(budget.toolCalls, used.toolCalls),
    wallMs: left(budget.wallMs, used.wallMs),
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
        grantedFiles: [...(live.handle.grantedFiles ?? [])],
      },
    },
    { type: 'session.started', subject: live.id, payload: { pid } },
  ])
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
      live.exceeded ??= news
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
