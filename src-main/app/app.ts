import type { NewFact } from '../contract/events.ts'
import { accept } from '../domain/decision.ts'
import { isEnded } from '../domain/session/project.ts'
import type { Clock, Ids, Log } from '../ports/clock.ts'
import type { OwedEffect } from '../store/outbox.ts'
import type { Store } from '../store/store.ts'
import { createActivityWriter } from './activity-writer.ts'
import { createAdmission } from './admission.ts'
import { type AppParts, createFindings, createOnce } from './app-parts.ts'
import { createBus } from './bus.ts'
import type { Mask } from './clean.ts'
import { createDispatcher } from './dispatch.ts'
import { createEffectsRunner, type EffectHandlers } from './effects-runner.ts'
import { createHandlers } from './handlers.ts'
import { createLedger } from './ledger.ts'
import { metricsText } from './metrics.ts'
import { createModelCallLog } from './model-calls.ts'
import type { AppPowers } from './powers.ts'
import { type Adopt, type Reconciled, reconcile } from './reconcile.ts'
import type { StreamMask } from './text-guard.ts'

export interface AppOptions {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Hides known secrets in a text; applied to everything that people and agents say before it is stored. */
  readonly mask: Mask
  /** The same for one message that comes in pieces. */
  readonly openStreamMask: () => StreamMask
  readonly powers: AppPowers
  readonly version: string
  readonly stateDirectory: string
}

export interface StartOptions {
  readonly pid: number
  readonly handlers: EffectHandlers
  readonly adopt: Adopt
}

/** Makes the parts and ties them together; nothing of it runs yet. */
function assemble(options: AppOptions, isStopping: () => boolean) {
  const { store, clock, log } = options
  const bus = createBus(log)
  const dispatcher = createDispatcher({ ...options, bus })
  const activities = createActivityWriter({ ...options, bus })
  const admission = createAdmission({
    store,
    clock,
    bus,
    dispatcher,
    setFleetAllowance: (usdNanos) => options.powers.processes.setFleetAllowance(usdNanos),
  })
  const modelCalls = createModelCallLog(options)
  const parts: AppParts = {
    ...options,
    bus,
    dispatcher,
    activities,
    modelCalls,
    once: createOnce(),
    findings: createFindings(),
    isStopping,
  }
  const onFailed = (effect: OwedEffect, error: unknown): void => {
    if (effect.kind === 'session.run') recordUnrun(parts, effect.sessionId, error)
    else if (effect.kind === 'session.pause') recordUnpaused(parts, effect.sessionId, error)
  }
  const runner = createEffectsRunner({ store, clock, log, onFailed })
  dispatcher.onOwed(runner.wake)
  return { parts, bus, dispatcher, activities, modelCalls, admission, runner }
}

/** The application: everything between the contract's procedures and the journal. Nothing runs before `start`. */
export function createApp(options: AppOptions) {
  const { store, log, powers, version } = options
  let isStopping = false
  const { parts, bus, dispatcher, activities, modelCalls, admission, runner } = assemble(
    options,
    () => isStopping,
  )
  const daemonFact = (fact: NewFact) => void dispatcher.record([fact])

  return {
    handlers: createHandlers(parts),
    ledger: createLedger({ store, dispatcher, activities, bus }),
    dispatch: dispatcher.dispatch,
    record: dispatcher.record,
    appendActivity: activities.append,
    /** Takes a model call as it stands now; telemetry, stored in batches. */
    noteModelCall: modelCalls.note,
    /** Prometheus text of the kernel and the house. */
    metrics: () => metricsText(parts),
    bus,
    /** Settles what an earlier run left, then does what is owed and admits what waits. */
    async start({ pid, handlers, adopt }: StartOptions): Promise<Reconciled> {
      daemonFact({
        type: 'daemon.started',
        subject: store.machineId,
        payload: { version, pid },
      })
      const outcome = await reconcile(
        { store, dispatcher, activities, workareas: powers.workareas, log },
        adopt,
      )
      store.transact(() => store.outbox.revive())
      modelCalls.settleOld()
      runner.start(handlers)
      admission.open()
      return outcome
    },
    /** First half of the end: nothing new is admitted. Running sessions may still report. */
    beginStop(): void {
      isStopping = true
      admission.close()
    },
    /** Resolves when no owed work is being done. */
    idle: runner.idle,
    /** Last half: stores what is still held and says goodbye. The store stays open for its owner to close. */
    async close(reason: string): Promise<void> {
      isStopping = true
      admission.close()
      await runner.close()
      activities.close()
      modelCalls.close()
      daemonFact({ type: 'daemon.stopped', subject: store.machineId, payload: { reason } })
    },
  }
}

export type App = ReturnType<typeof createApp>

/** A session that could not be paused goes on, and can be asked to pause again. */
function recordUnpaused({ dispatcher, activities }: AppParts, sessionId: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  activities.append(sessionId, { kind: 'error', text: `It could not be paused: ${message}` })
  dispatcher.record([{ type: 'session.resumed', subject: sessionId, payload: {} }])
}

/** A session whose run could not even be begun ends with the reason. */
function recordUnrun(parts: AppParts, sessionId: string, error: unknown): void {
  const { store, dispatcher, activities } = parts
  const { count, digest } = activities.seal(sessionId)
  const message = error instanceof Error ? error.message : String(error)
  dispatcher.decideInternally(() => {
    const state = store.sessions.read(sessionId)
    if (!state || isEnded(state.row)) return accept([])
    return accept([
      {
        type: 'session.ended',
        subject: sessionId,
        payload: {
          endReason: { kind: 'fault', error: message.slice(0, 500) },
          message: `The session could not be started: ${message}`,
          usage: state.row.usage,
          activityCount: count,
          activitiesDigest: digest,
        },
      },
    ])
  })
}
