import type { HostPowers, HostState } from './host-powers.ts'
import type { AcceptedSession } from './ledger.ts'
import { createLiveSession, type LiveSession } from './live-session.ts'
import { openRuntimeSession } from './runtime-session.ts'
import { describe } from './session-end.ts'
import { playedRecording, spawnProcess } from './session-host.ts'

/**
 * Takes a session of an earlier run of the app over, if its child still runs and its runtime can go on with it. False:
 * it can't be, and what was left of it has been ended; the caller reports the session as lost.
 */
export async function adoptSession(
  powers: HostPowers,
  state: HostState,
  sessionId: string,
): Promise<boolean> {
  const accepted = powers.ledger.accepted(sessionId)
  const child = powers.ledger.childOf(sessionId)
  if (!accepted || !child || state.byId.has(sessionId)) return false
  const live = createLiveSession(accepted.row)
  live.isAdopted = true
  try {
    if (!live.stopRequested && (await takeOver(powers, state, live, accepted))) return true
  } catch (error) {
    powers.log.warn('a session could not be taken over', { session: sessionId, error: describe(error) })
  }
  state.byId.delete(sessionId)
  if (live.pid !== undefined) {
    state.byPid.delete(live.pid)
    powers.kernel.kill(live.pid)
  }
  await endChild(powers, sessionId)
  return false
}

async function takeOver(
  powers: HostPowers,
  state: HostState,
  live: LiveSession,
  accepted: AcceptedSession,
): Promise<boolean> {
  const child = powers.ledger.childOf(live.id)
  const runtime = powers.runtimeOf(accepted.row.runtime)
  const record = powers.ledger.workareaOf(live.id)
  const home = await powers.homes.find(live.id)
  if (!child || !runtime?.adopt || !record || home === undefined) return false
  state.byId.set(live.id, live)
  await powers.learnSecrets([record.path, accepted.repositoryPath])
  const { row } = accepted
  const replayed = await playedRecording(powers, accepted)
  const wanted = await runtime.devices(row.agent, row.model, row.payment, replayed?.model)
  const pid = spawnProcess(powers, state, live, accepted, {
    record,
    runtime,
    wanted,
    first: '',
  })
  const session = openRuntimeSession(powers, live, { accepted, record, home, pid, replayed })
  const handle = await runtime.adopt(session, child.identity, { ...child.resume })
  if (handle?.turnInFlight === undefined) return false
  live.handle = handle
  powers.ledger.record([{ type: 'session.started', subject: live.id, payload: { pid } }])
  const unrecorded = powers.recordings.isCutOff(live.id) ? ' From here on it is not recorded.' : ''
  powers.ledger.appendActivity(live.id, {
    kind: 'progress',
    text: `Signalbox was started again and took this session over.${unrecorded}`,
  })
  live.ready.resolve(handle)
  return true
}

/** Ends a child that nobody can talk to any more, so that nothing is orphaned. */
async function endChild({ executor, ledger, log }: HostPowers, sessionId: string): Promise<void> {
  const remembered = ledger.childOf(sessionId)
  if (!remembered) return
  const refuse = () => ({ ok: false, reason: 'the session has ended' }) as const
  const child = await executor
    .adopt(remembered.identity, { sessionId, forwards: [] }, refuse, 0)
    .catch((error: unknown) => {
      log.warn('a child of an earlier run was not found', { session: sessionId, error: describe(error) })
      return undefined
    })
  await child?.terminate(2000)
  ledger.rememberChild(sessionId, null)
}
