import fc from 'fast-check'
import { expect } from 'vitest'
import type { ChildSpec, RestartKind, RestartStrategy, SupervisorSpec } from './child-spec.ts'
import { type Crew, createCrew, type Manner, supervised } from './test-crew.ts'

/** Generated lives of one supervisor, and the law they must keep. */

export interface Plan {
  readonly strategy: RestartStrategy
  readonly intensity: number
  readonly period: number
  readonly children: readonly {
    readonly restart: RestartKind
    readonly manner: Manner
    readonly shutdown: number | 'infinity'
    /** Which of its starts fail before they happen, counted from 1. */
    readonly refused: readonly number[]
  }[]
  readonly steps: readonly {
    readonly wait: number
    readonly who: number
    readonly how: 'fault' | 'normal' | 'shutdown' | 'kill' | 'suspend'
  }[]
  readonly end: 'term' | 'kill' | 'none'
}

export const plan: fc.Arbitrary<Plan> = fc.record({
  strategy: fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const),
  intensity: fc.integer({ min: 0, max: 4 }),
  period: fc.integer({ min: 1, max: 200 }),
  children: fc.array(
    fc.record({
      restart: fc.constantFrom<RestartKind>('permanent', 'permanent', 'transient', 'temporary'),
      manner: fc.oneof(fc.constantFrom<Manner>('obeys', 'ignores'), fc.integer({ min: 1, max: 60 })),
      shutdown: fc.integer({ min: 0, max: 50 }),
      refused: fc.array(fc.integer({ min: 2, max: 5 }), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  steps: fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 80 }),
      who: fc.nat(4),
      how: fc.constantFrom('fault', 'fault', 'fault', 'normal', 'shutdown', 'kill', 'suspend'),
    }),
    { maxLength: 25 },
  ),
  end: fc.constantFrom('term', 'kill', 'none'),
})

/** Start times of every child, by id, from virtual time. */
function specOf(crew: Crew, p: Plan, starts: Map<string, number[]>): SupervisorSpec {
  const children = p.children.map((child, at): ChildSpec => {
    const id = `c${at}`
    let tries = 0
    const inner = crew.worker(id, child.manner)
    return {
      id,
      image: {
        name: id,
        main(sys, args) {
          starts.set(id, [...(starts.get(id) ?? []), sys.now()])
          return inner.main(sys, args)
        },
      },
      restart: child.restart,
      shutdown: child.shutdown,
      caps() {
        if (child.refused.includes(++tries)) throw new Error('refused')
        return []
      },
    }
  })
  return { strategy: p.strategy, intensity: p.intensity, period: p.period, children }
}

/** Times at which a start had to be a restart: with one_for_one every start of a child but its first is its own. */
function restartTimes(p: Plan, starts: Map<string, number[]>): number[] {
  const later = [...starts.values()].map((times) => times.slice(1))
  if (p.strategy === 'one_for_one') return later.flat().sort((a, b) => a - b)
  // A group's starts fall together; the busiest child alone is a lower bound on the groups.
  return later.reduce((most, times) => (times.length > most.length ? times : most), [])
}

function checkWindows(p: Plan, times: readonly number[]): void {
  for (const first of times) {
    const inside = times.filter((at) => at >= first && at <= first + p.period)
    expect(inside.length).toBeLessThanOrEqual(p.intensity)
  }
}

/** When a supervisor heard of the failure that was one too many; stopping its children may take long after that. */
function gaveUpAt(crew: Crew, pid: number): number | undefined {
  const heard = crew.t.kernel
    .events()
    .filter(({ pid: of, ev }) => of === pid && ev.kind === 'log' && ev.message === 'child ended')
  return heard.at(-1)?.at
}

/** 44: restarts in any window stay within the intensity, else the supervisor is dead with all its children. */
export async function checkPlan(p: Plan): Promise<void> {
  const crew = createCrew()
  const starts = new Map<string, number[]>()
  let died: number | undefined
  await supervised(crew, specOf(crew, p, starts), async (s) => {
    crew.t.kernel.subscribe((fact) => {
      if (fact.type !== 'process.exited' || fact.pid !== s.pid) return
      if (fact.reason.kind === 'fault') died = gaveUpAt(crew, s.pid)
    })
    for (const { wait, who, how } of p.steps) {
      await s.sys.sleep(wait)
      const id = `c${who % p.children.length}`
      const pid = crew.pids.get(id)
      if (pid === undefined || !crew.isAlive(id)) continue
      if (how === 'kill') crew.t.kernel.signal(pid)
      else if (how === 'suspend') crew.t.kernel.suspend(pid)
      else crew.tell(id, how)
    }
    if (p.end === 'term') await s.sys.term(s.cap).catch(() => undefined)
    if (p.end === 'kill') await s.sys.signal(s.cap)
    await s.sys.sleep(1000)
    checkWindows(p, restartTimes(p, starts))
    const isAlive = crew.t.kernel.isAlive(s.pid)
    if (p.end !== 'none') expect(isAlive).toBe(false)
    if (!isAlive) {
      const gaveUp = died
      if (
        gaveUp !== undefined &&
        p.strategy === 'one_for_one' &&
        p.children.every(({ refused }) => refused.length === 0)
      ) {
        // It may give up only when the window before is full.
        const recent = restartTimes(p, starts).filter((at) => at >= gaveUp - p.period)
        expect(recent).toHaveLength(p.intensity)
      }
      // Suspended children of a killed supervisor can't follow it before they are resumed.
      for (const row of crew.t.kernel.ps()) if (row.isStopped) crew.t.kernel.resume(row.pid)
      await s.sys.sleep(1)
      expect(crew.alive()).toEqual([])
      return
    }
    const permanent = p.children.flatMap(({ restart }, at) => (restart === 'permanent' ? [`c${at}`] : []))
    expect(crew.alive()).toEqual(expect.arrayContaining(permanent))
  })
  expect(crew.t.kernel.ps().filter((row) => !row.isStopped)).toEqual([])
}
