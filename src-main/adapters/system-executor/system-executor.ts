import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { SignalboxError } from '../../contract/errors.ts'
import type { Confinement } from '../../contract/session.ts'
import type { Clock, Log } from '../../ports/clock.ts'
import type { Executor, LaunchSpec } from '../../ports/executor.ts'
import { createAddressGuard } from './addresses.ts'
import { ExecutorError } from './executor-error.ts'
import { ownGroup } from './freezer.ts'
import { endHalfBuilt } from './half-built.ts'
import { adoptChild, type Household, launchChild } from './launch.ts'
import { whoRuns } from './launcher.ts'
import { measurePrograms } from './measure.ts'
import { giveTo } from './owner.ts'
import { childPlaces, writeEtc } from './places.ts'
import { probeWall } from './probe.ts'
import { type ChildRecord, createChildRecords } from './records.ts'
import { runPlan } from './run.ts'
import type { ShimEntry } from './shim-start.ts'
import { closedFolders, openPlan, type WallGround, type WallPlan, wallPlan } from './wall.ts'

export interface SystemExecutorOptions {
  /** Where children's logs lie (`children/`); its content is never shown to a child. */
  readonly stateDirectory: string
  /** Owner-only folder of sockets; short, for socket paths end at 100 bytes. */
  readonly runtimeDirectory: string
  readonly log: Log
  readonly clock: Clock
  readonly shimEntry: ShimEntry
  /** The product's own Node by real path; started with ELECTRON_RUN_AS_NODE. */
  readonly nodeProgram: string
}

/** An executor that can also tell which children of earlier runs left something behind. */
export interface SystemExecutor extends Executor {
  /** Every child with a record, living or ended; those no session knows have to be adopted and ended. */
  leftovers(): readonly ChildRecord[]
  /** Ends what an earlier run was building when it was killed; only before anything is started. */
  endHalfBuilt(): void
}

const terminateMs = 2000
/** Of nearly every Linux machine; 16 KiB on some ARM, where memory is then shown too small. */
const pageBytes = 4096

/** Runs programs of this machine behind bubblewrap. Faults are `ExecutorError`; without a wall `not_confined`. */
export function createSystemExecutor(options: SystemExecutorOptions): SystemExecutor {
  const { stateDirectory, runtimeDirectory, nodeProgram } = options
  for (const folder of [stateDirectory, runtimeDirectory]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(runtimeDirectory, 0o700)
  const ground = groundOf(options)
  const house = householdOf(options)
  let probed: Promise<Confinement> | undefined
  let isClosed = false

  const probe: Executor['probe'] = (how) => {
    if (how?.isFresh || !probed) {
      const { platform } = process
      const run: Executor['run'] = (spec, door, limits) =>
        prepare(ground, spec).then(() =>
          runPlan(wallPlan(ground, spec, true), { house, spec, door, options: limits }),
        )
      probed = probeWall({ stateDirectory, runtimeDirectory, nodeProgram, platform, run })
    }
    return probed
  }
  async function planFor(spec: LaunchSpec, hasNetwork: boolean) {
    if (isClosed) throw new ExecutorError('closed', 'The executor is closed.')
    const confinement = await probe()
    const { files, network, means, reason, remedy } = confinement
    if (!(files && network) && !spec.acceptUnconfined)
      throw new SignalboxError('not_confined', { reason, ...(remedy ? { remedy } : {}) }, { message: reason })
    const hasWall = means !== 'none'
    if (hasWall) await prepare(ground, spec)
    const plan: WallPlan = hasWall ? wallPlan(ground, spec, hasNetwork) : openPlan(spec)
    return { plan, confinement }
  }

  return {
    probe,
    leftovers: house.records.list,
    endHalfBuilt() {
      const ended = endHalfBuilt(runtimeDirectory)
      if (ended > 0) options.log.info('Sandboxes that were never finished have been ended.', { ended })
    },
    async launch(spec, door, signal) {
      const places = childPlaces(randomBytes(8).toString('hex'), stateDirectory, runtimeDirectory)
      const { plan, confinement } = await planFor(spec, true)
      return await launchChild(house, plan, places, { ...spec, confinement }, door, signal)
    },
    measure: (programs) => measurePrograms(programs, pageBytes),
    adopt: (identity, spec, door, fromByte) => adoptChild(house, identity, spec, door, fromByte),
    async run(spec, door, limits) {
      const { plan } = await planFor(spec, (limits.network ?? true) || spec.forwards.length > 0)
      return await runPlan(plan, { house, spec, door, options: limits })
    },
    async close() {
      isClosed = true
      const all = [...house.living]
      await Promise.all(
        all.map(([child, { survives }]) => (survives ? child.detach() : child.terminate(terminateMs))),
      )
      await house.records.close()
    },
  }
}

function groundOf(options: SystemExecutorOptions): WallGround {
  const { stateDirectory, runtimeDirectory, nodeProgram } = options
  const person = whoRuns()
  const etc = writeEtc(runtimeDirectory, person)
  return {
    platform: process.platform,
    person,
    etc,
    nodeProgram,
    closed: closedFolders(stateDirectory, runtimeDirectory),
    mark: runtimeDirectory,
  }
}

function householdOf(options: SystemExecutorOptions): Household {
  const { stateDirectory, shimEntry, clock, log } = options
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
  return {
    shimEntry,
    guard: createAddressGuard(own),
    clock,
    log,
    records: createChildRecords(stateDirectory, clock),
    group: process.platform === 'linux' ? ownGroup() : undefined,
    living: new Map(),
  }
}

/** Gives what the program may write to the user it runs as; only root has to. */
async function prepare(ground: WallGround, spec: LaunchSpec): Promise<void> {
  for (const path of new Set([spec.home, ...spec.writes])) await giveTo(ground.person, path)
}
