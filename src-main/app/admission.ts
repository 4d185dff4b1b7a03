import type { Fact, FactType } from '../contract/events.ts'
import { accept } from '../domain/decision.ts'
import { decideAdmit } from '../domain/session/admit.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import type { Dispatcher } from './dispatch.ts'

/** Facts after which a slot may be free or somebody may be waiting for one. */
const occasions: ReadonlySet<FactType> = new Set([
  'session.accepted',
  'session.ended',
  'settings.changed',
  'daemon.resumed',
])

/** How often it is looked whether a held queue may go on. */
const lookAgainMs = 60_000

/** Money of today: of sessions that ended, and of those that work. */
export function costToday(store: Store, clock: Clock) {
  const ended = store.costs.dayAt(clock.nowMs())
  const running = store.queries.fleet.runningCost()
  return { usdNanos: ended.usdNanos + running.usdNanos, unknown: ended.unknown + running.unknown }
}

/** True when the day's budget is used up, so that nothing new may start. */
export function isDayOverBudget(store: Store, clock: Clock): boolean {
  const limit = store.operator.settings().dailyBudgetUsdNanos
  return limit !== null && costToday(store, clock).usdNanos >= limit
}

/** Gives slots to queued sessions, priority 1 first, then in the order they came. */
export function createAdmission(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly bus: Bus
  readonly dispatcher: Dispatcher
}) {
  const { store, clock, bus, dispatcher } = parts
  let isOpen = false
  let cancelLook: (() => void) | undefined
  /** A day's budget comes back with the day, which no fact tells. */
  const lookAgain = (): void => {
    cancelLook ??= clock.after(lookAgainMs, () => {
      cancelLook = undefined
      admit()
    })
  }
  const admit = (): void => {
    while (isOpen && store.operator.daemonState() === 'ready') {
      const { slots } = store.operator.settings()
      const [next] = store.queries.fleet.used() < slots ? store.queries.fleet.queue(1) : []
      if (next === undefined) return
      if (isDayOverBudget(store, clock)) {
        lookAgain()
        return
      }
      const facts = dispatcher.decideInternally(() => {
        const state = store.sessions.read(next)
        return state ? decideAdmit(state.row) : accept([])
      })
      if (facts.length === 0) return
    }
  }
  const stop = bus.onFacts((facts: readonly Fact[]) => {
    if (facts.some((fact) => occasions.has(fact.type))) admit()
  })
  return {
    /** Begins to admit; before, what an earlier run left has to be settled. */
    open(): void {
      isOpen = true
      admit()
    },
    admit,
    close(): void {
      isOpen = false
      cancelLook?.()
      stop()
    },
  }
}
