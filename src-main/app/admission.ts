import type { Fact, FactType } from '../contract/events.ts'
import { accept } from '../domain/decision.ts'
import { decideAdmit } from '../domain/session/admit.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import { costToday, dayMoney, moneyNeeded, usedUpProjects } from './budgets.ts'
import type { Bus } from './bus.ts'
import type { Dispatcher } from './dispatch.ts'

/** Facts after which a slot or money may be free, or somebody may be waiting for it. */
const occasions: ReadonlySet<FactType> = new Set([
  'session.accepted',
  'session.ended',
  'session.reprioritised',
  'budget.changed',
  'project.budgetChanged',
  'settings.changed',
  'daemon.resumed',
])

/** How often it is looked whether a held queue may go on. */
const lookAgainMs = 60_000

export interface AdmissionParts {
  readonly store: Store
  readonly clock: Clock
  readonly bus: Bus
  readonly dispatcher: Dispatcher
  /** Tells the kernel what all sessions together may spend from now on; null = without limit. */
  readonly setFleetAllowance: (usdNanos: number | null) => void
}

/** The session that gets the next free slot; `isHeld` when some wait for more than a slot. */
function nextToAdmit(parts: AdmissionParts): { readonly id: string | undefined; readonly isHeld: boolean } {
  const { queries, sessions, operator } = parts.store
  if (queries.fleet.used() >= operator.settings().slots) return { id: undefined, isHeld: false }
  const usedUp = usedUpProjects(parts).map(({ id }) => id)
  const [next] = queries.fleet.queue(1, usedUp)
  if (next === undefined) return { id: undefined, isHeld: usedUp.length > 0 }
  const day = dayMoney(parts)
  const row = sessions.read(next)?.row
  if (!day || !row) return { id: next, isHeld: false }
  // In order: a smaller session does not overtake one that waits for money, or that one might wait for ever.
  const isHeld = day.spent >= day.limit || moneyNeeded(row, day) > day.free
  return { id: isHeld ? undefined : next, isHeld }
}

/** Gives slots to queued sessions, priority 1 first, then in the order they came, as far as their budgets go. */
export function createAdmission(parts: AdmissionParts) {
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
  const tellKernel = (): void => {
    const limit = store.operator.settings().dailyBudgetUsdNanos
    parts.setFleetAllowance(limit === null ? null : Math.max(0, limit - costToday(parts).usdNanos))
    if (limit !== null) lookAgain()
  }
  const admit = (): void => {
    if (isOpen) tellKernel()
    while (isOpen && store.operator.daemonState() === 'ready') {
      const { id, isHeld } = nextToAdmit(parts)
      if (isHeld) lookAgain()
      if (id === undefined) return
      const facts = dispatcher.decideInternally(() => {
        const state = store.sessions.read(id)
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
