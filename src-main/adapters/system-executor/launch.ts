import { rmSync } from 'node:fs'
import type { Confinement } from '../../contract/session.ts'
import type { Clock, Log } from '../../ports/clock.ts'
import type { Child, ChildIdentity, LaunchSpec, NetworkDoor } from '../../ports/executor.ts'
import { isAlive } from '../../shim/process-identity.ts'
import type { AddressGuard } from './addresses.ts'
import { createSessionDoor } from './door.ts'
import { listenForSession } from './door-socket.ts'
import { ExecutorError } from './executor-error.ts'
import { readFinishedChild } from './finished-child.ts'
import { createFreezer } from './freezer.ts'
import { createLivingChild } from './living-child.ts'
import { type ChildPlaces, doorPathOf } from './places.ts'
import type { ChildRecords } from './records.ts'
import { linkToShim } from './shim-link.ts'
import { type ShimEntry, startShim } from './shim-start.ts'
import type { WallPlan } from './wall.ts'

/** What all children of one executor share. */
export interface Household {
  readonly shimEntry: ShimEntry
  readonly guard: AddressGuard
  readonly clock: Clock
  readonly log: Log
  readonly records: ChildRecords
  /** Control group below which a session's own may be made. */
  readonly group: string | undefined
  /** The children that are connected; `close` of the executor lets them go or ends them. */
  readonly living: Map<Child, { readonly survives: boolean }>
}

export interface Adoption {
  readonly sessionId: string
  readonly forwards: LaunchSpec['forwards']
  readonly survives: boolean
  readonly confinement: Confinement
}

const segmentBytes = 4 * 1024 * 1024
const segments = 16
const unreachableMs = 3000
const stepMs = 100

/** Starts a shim with its child and connects to it. */
export async function launchChild(
  house: Household,
  plan: WallPlan,
  places: ChildPlaces,
  about: Adoption,
  door: NetworkDoor,
  signal: AbortSignal,
): Promise<Child> {
  const way = await openWay(house, places.doorPath, about.forwards, door)
  try {
    const { survives } = about
    const shimPlan = { ...plan, ...places, survives, ownerPid: process.pid, segmentBytes, segments }
    const ready = await startShim(house.shimEntry, shimPlan, signal)
    const { shimPid, pid, startTime } = ready
    const { socketPath, logPath } = places
    const identity = { shimPid, pid, startTime, socketPath, logPath }
    house.records.write({ sessionId: about.sessionId, identity, confinement: about.confinement })
    return await connectChild(house, identity, about, way, 0)
  } catch (error) {
    way.close()
    rmSync(places.logPath, { recursive: true, force: true })
    throw error
  }
}

/** Takes over a child of an earlier run; undefined when nothing is left of it. */
export async function adoptChild(
  house: Household,
  identity: ChildIdentity,
  spec: Pick<LaunchSpec, 'sessionId' | 'forwards'>,
  door: NetworkDoor,
  fromByte: number,
): Promise<Child | undefined> {
  const record = identity.logPath ? house.records.read(identity.logPath) : undefined
  const confinement = record?.confinement ?? unknownConfinement
  const about = { ...spec, survives: true, confinement }
  for (let waited = 0; waited <= unreachableMs; waited += stepMs) {
    const finished = readFinishedChild(identity, fromByte, { confinement }, () => {
      if (identity.logPath) house.records.retire(identity.logPath)
    })
    const isGone = !isAlive(identity.pid, identity.startTime)
    // While the shim is still there it is asked, for it alone knows the end of the child's standard error.
    if (!identity.socketPath) return isGone ? undefined : unreachable()
    const way = await openWay(house, doorPathOf(identity.socketPath), spec.forwards, door)
    try {
      return await connectChild(house, identity, about, way, fromByte)
    } catch (error) {
      way.close()
      house.log.info('A shim did not answer.', { sessionId: spec.sessionId, error: String(error) })
    }
    if (isGone) {
      rmSync(identity.socketPath, { force: true })
      if (!finished && identity.logPath) house.records.retire(identity.logPath)
      return finished
    }
    await new Promise<void>((resolve) => house.clock.after(stepMs, resolve))
  }
  return unreachable()
}

const unknownConfinement: Confinement = {
  files: false,
  network: false,
  means: 'none',
  reason: 'How this program was started is no longer known.',
  remedy: null,
}

/** It lives but can't be spoken to: neither ended nor declared gone. */
function unreachable(): never {
  throw new ExecutorError('child_unreachable', 'The program still runs, but what holds it does not answer.')
}

type Way = Awaited<ReturnType<typeof listenForSession>>

function openWay(
  house: Household,
  path: string,
  forwards: LaunchSpec['forwards'],
  ask: NetworkDoor,
): Promise<Way> {
  return listenForSession(path, createSessionDoor({ forwards, ask, guard: house.guard }))
}

async function connectChild(
  house: Household,
  identity: ChildIdentity,
  about: Adoption,
  way: Way,
  fromByte: number,
): Promise<Child> {
  const { socketPath, logPath, pid, startTime } = identity
  if (!socketPath || !logPath) throw new ExecutorError('child_unreachable', 'The program has no shim.')
  const link = await linkToShim({ socketPath, pid, startTime, fromByte })
  if (link.stdoutFrom > fromByte)
    house.log.warn('Part of the output is no longer in the log.', {
      sessionId: about.sessionId,
      missingBytes: link.stdoutFrom - fromByte,
    })
  const freezer = createFreezer(`${pid}`, house.group)
  const child = createLivingChild({
    identity,
    confinement: about.confinement,
    link,
    freezer,
    clock: house.clock,
    onGone(isDetached) {
      house.living.delete(child)
      way.close()
      if (isDetached) return
      freezer.close()
      house.records.retire(logPath)
    },
  })
  house.living.set(child, { survives: about.survives })
  return child
}
