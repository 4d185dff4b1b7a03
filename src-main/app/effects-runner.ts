import type { EffectKind } from '../domain/decision.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { OwedEffect } from '../store/outbox.ts'
import type { Store } from '../store/store.ts'

/** Does one piece of owed work. It may be called again for the same work and must then do no harm. */
export type EffectHandlers = {
  readonly [K in EffectKind]: (effect: Extract<OwedEffect, { kind: K }>, signal: AbortSignal) => Promise<void>
}

/** How long to wait before the next try, by tries made; a kind with no entry left has failed. */
const retryAfterMs: Readonly<Record<EffectKind, readonly number[]>> = {
  'session.run': [],
  'session.stop': [500, 2000],
  'session.pause': [500],
  'session.resume': [500],
  'session.prompt': [500, 2000],
  'session.answer': [500, 2000],
  'workarea.discard': [1000, 5000, 30_000, 300_000],
}

/** Control reaches a session while it is still being started; everything else of one session goes one by one. */
const laneOf = (effect: OwedEffect) =>
  effect.kind === 'session.run' ? `run ${effect.sessionId}` : `control ${effect.sessionId}`

const mostAtOnce = 1000

export interface RunnerParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** Told when work is given up, e.g. to end a session that can't be run. */
  readonly onFailed: (effect: OwedEffect, error: unknown) => void
}

interface RunnerState extends RunnerParts {
  readonly controller: AbortController
  readonly lanes: Set<string>
  /** Effects that wait for another try. */
  readonly waiting: Set<number>
  readonly running: Set<Promise<void>>
  handlers: EffectHandlers | undefined
}

async function perform(state: RunnerState, effect: OwedEffect): Promise<void> {
  const { store, controller } = state
  try {
    await call(state.handlers, effect, controller.signal)
    if (!controller.signal.aborted) store.transact(() => store.outbox.done(effect.id))
  } catch (error) {
    if (!controller.signal.aborted) settleFailure(state, effect, error)
  }
}

function settleFailure(state: RunnerState, effect: OwedEffect, error: unknown): void {
  const { store, clock, log, waiting } = state
  const text = error instanceof Error ? error.message : String(error)
  const delay = retryAfterMs[effect.kind][effect.attempts]
  log.warn('owed work failed', { kind: effect.kind, key: effect.key, attempts: effect.attempts + 1, error })
  if (delay === undefined) {
    store.transact(() => store.outbox.fail(effect.id, text))
    state.onFailed(effect, error)
    return
  }
  store.transact(() => store.outbox.retry(effect.id, text))
  waiting.add(effect.id)
  clock.after(delay, () => {
    waiting.delete(effect.id)
    wake(state)
  })
}

function begin(state: RunnerState, effect: OwedEffect, lane: string): void {
  const { lanes, running, log } = state
  lanes.add(lane)
  const done = perform(state, effect)
    .catch((error: unknown) => log.error('owed work could not be booked', { key: effect.key, error }))
    .finally(() => {
      lanes.delete(lane)
      running.delete(done)
      wake(state)
    })
  running.add(done)
}

function wake(state: RunnerState): void {
  if (!state.handlers || state.controller.signal.aborted) return
  const blocked = new Set(state.lanes)
  for (const effect of state.store.outbox.owed(0, mostAtOnce)) {
    const lane = laneOf(effect)
    if (blocked.has(lane)) continue
    blocked.add(lane)
    if (!state.waiting.has(effect.id)) begin(state, effect, lane)
  }
}

/** Executes owed effects after their commit, at least once each, in order within a lane. */
export function createEffectsRunner(parts: RunnerParts) {
  const state: RunnerState = {
    ...parts,
    controller: new AbortController(),
    lanes: new Set(),
    waiting: new Set(),
    running: new Set(),
    handlers: undefined,
  }
  return {
    /** Begins; what an earlier run left owed is done first. */
    start(given: EffectHandlers): void {
      state.handlers = given
      wake(state)
    },
    wake: (): void => wake(state),
    /** Resolves when nothing is being done. Work that waits for another try does not count. */
    async idle(): Promise<void> {
      while (state.running.size > 0) await Promise.all(state.running)
    },
    /** Stops taking work; what is cut short stays owed. */
    async close(): Promise<void> {
      state.controller.abort()
      await Promise.all(state.running)
    },
  }
}

function call(handlers: EffectHandlers | undefined, effect: OwedEffect, signal: AbortSignal): Promise<void> {
  switch (effect.kind) {
    case 'session.run':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'session.stop':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'session.pause':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'session.resume':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'session.prompt':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'session.answer':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
    case 'workarea.discard':
      return handlers?.[effect.kind](effect, signal) ?? Promise.resolve()
  }
}
