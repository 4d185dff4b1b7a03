import { describe, expect, test } from 'vitest'
import { image, runRoot, testKernel } from '../../kernel/test-kernel.ts'
import type { ChildSpec, RestartKind, RestartStrategy, SupervisorSpec } from './child-spec.ts'
import { RestartBudget } from './restart-budget.ts'
import { supervisor } from './supervisor.ts'
import { type Crew, createCrew, supervised } from './test-crew.ts'

/** Section 15.1 of the reference against what OTP's supervisor documents, where the other files do not have it. */

type Kinds = Readonly<Record<string, RestartKind>>

function specOf(
  crew: Crew,
  strategy: RestartStrategy,
  kinds: Kinds,
  extra: Partial<SupervisorSpec> = {},
): SupervisorSpec {
  const children = Object.entries(kinds).map(([id, restart]) => ({ id, image: crew.worker(id), restart }))
  return { strategy, children, intensity: 100, ...extra }
}

const all = (...ids: string[]): Kinds => Object.fromEntries(ids.map((id) => [id, 'permanent']))

describe('the sliding period', () => {
  // OTP's in_period: a restart counts while Now =< Then + Period.
  test.each([
    [5000, false],
    [5001, true],
  ])('of 5 s by default: a second restart %i ms after the first, and it lives: %s', async (ms, lives) => {
    const crew = createCrew()
    const { intensity: _own, ...spec } = specOf(crew, 'one_for_one', all('a'))
    await supervised(crew, spec, async (s) => {
      crew.tell('a', 'fault')
      await s.sys.sleep(ms)
      crew.tell('a', 'fault')
      await s.sys.sleep(1)
      expect(crew.t.kernel.isAlive(s.pid)).toBe(lives)
    })
  })

  test('slides: it is any window that may not hold more, not one from the first restart on', () => {
    const budget = new RestartBudget(2, 10)
    const tryAt = (ms: number): boolean => {
      const fits = budget.hasRoom(ms)
      if (fits) budget.book(ms)
      return fits
    }
    expect([0, 9, 10, 11, 12, 19, 20, 22].map(tryAt)).toEqual([
      ...[true, true, false, true],
      ...[false, false, true, true],
    ])
    expect(new RestartBudget(0, 10).hasRoom(0)).toBe(false)
  })

  test('counts starts that fail, and every child of a supervisor together', async () => {
    const crew = createCrew()
    await supervised(crew, specOf(crew, 'one_for_one', all('a', 'b', 'c'), { intensity: 2 }), async (s) => {
      for (const id of ['a', 'b']) crew.tell(id, 'fault')
      await s.sys.sleep(1)
      expect(crew.alive()).toEqual(['a', 'b', 'c'])
      crew.tell('c', 'fault')
      expect(await s.ended()).toEqual({
        kind: 'fault',
        error: 'child c: more than 2 restarts in 5000 ms',
      })
    })
  })

  test('is not used up by ends that restart nobody', async () => {
    const crew = createCrew()
    const kinds: Kinds = { a: 'transient', b: 'temporary', c: 'temporary', d: 'permanent' }
    await supervised(crew, specOf(crew, 'one_for_one', kinds, { intensity: 0 }), async (s) => {
      crew.tell('a', 'normal')
      crew.tell('b', 'fault')
      crew.tell('c', 'normal')
      await s.sys.sleep(1)
      expect(crew.alive()).toEqual(['d'])
      expect(crew.t.kernel.isAlive(s.pid)).toBe(true)
    })
  })
})

describe('strategies', () => {
  test.each([
    ['one_for_one', '-b +b'],
    ['one_for_all', '-b -d -c -a +a +b +c +d'],
    ['rest_for_one', '-b -d -c +b +c +d'],
  ] as const)('%s, of four', async (strategy, expected) => {
    const crew = createCrew()
    await supervised(crew, specOf(crew, strategy, all('a', 'b', 'c', 'd')), async (s) => {
      crew.news()
      crew.tell('b', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe(expected)
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.news()).toBe('-d -c -b -a')
    })
  })

  test.each(['one_for_all', 'rest_for_one'] as const)(
    '%s: a child that is not to be restarted takes nobody along',
    async (strategy) => {
      const crew = createCrew()
      const kinds: Kinds = { a: 'temporary', b: 'transient', c: 'permanent' }
      await supervised(crew, specOf(crew, strategy, kinds), async (s) => {
        crew.news()
        crew.tell('a', 'fault')
        crew.tell('b', 'normal')
        await s.sys.sleep(1)
        expect(crew.news()).toBe('-a -b')
        expect(crew.alive()).toEqual(['c'])
      })
    },
  )

  test('rest_for_one: a temporary child before the failed one stays, and is stopped in its turn at the end', async () => {
    const crew = createCrew()
    const kinds: Kinds = { a: 'permanent', t: 'temporary', b: 'permanent', u: 'temporary', c: 'permanent' }
    await supervised(crew, specOf(crew, 'rest_for_one', kinds), async (s) => {
      crew.news()
      crew.tell('b', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe('-b -c -u +b +c')
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.news()).toBe('-c -b -t -a')
    })
  })

  test('a transient child that ended normally is back after its group was restarted, and fails like new', async () => {
    const crew = createCrew()
    const kinds: Kinds = { a: 'permanent', b: 'transient' }
    await supervised(crew, specOf(crew, 'rest_for_one', kinds), async (s) => {
      crew.tell('b', 'normal')
      await s.sys.sleep(1)
      crew.news()
      crew.tell('a', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe('-a +a +b')
      crew.tell('b', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe('-b +b')
    })
  })

  test('a start that failed is not tried again when a group restart has made up for it', async () => {
    const crew = createCrew()
    let tries = 0
    const spec = specOf(crew, 'rest_for_one', all('x', 'b'))
    const failing: ChildSpec = {
      ...spec.children[1]!,
      caps() {
        if (++tries === 2) throw new Error('not yet')
        return []
      },
    }
    await supervised(crew, { ...spec, children: [spec.children[0]!, failing] }, async (s) => {
      crew.news()
      crew.tell('b', 'fault')
      crew.tell('x', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe('-b -x +x +b')
      expect(tries).toBe(3)
    })
  })
})

describe('children', () => {
  test('get their args, quota, priority and deadline at every start', async () => {
    const crew = createCrew()
    const seen: unknown[] = []
    const child = image('child', async (sys, args) => {
      const row = crew.t.kernel.ps().find(({ pid }) => pid === sys.self())
      seen.push([args, sys.budget().toolCalls, row?.priority, (row?.deadlineAt ?? 0) - sys.now()])
      await sys.recv()
      throw new Error('told to')
    })
    const spec: SupervisorSpec = {
      strategy: 'one_for_one',
      children: [
        {
          id: 'a',
          image: child,
          restart: 'permanent',
          args: { n: 1 },
          quota: { toolCalls: 3 },
          priority: -4,
          deadline: 700,
        },
      ],
    }
    await supervised(crew, spec, async (s) => {
      await s.sys.sleep(50)
      crew.t.kernel.post(crew.t.kernel.ps().find(({ name }) => name === 'child')!.pid, 'go')
      await s.sys.sleep(1)
      expect(seen).toEqual([
        [{ n: 1 }, 3, -4, 700],
        [{ n: 1 }, 3, -4, 700],
      ])
    })
  })

  test('a suspended child cannot obey: it is killed after its shutdown time', async () => {
    const crew = createCrew()
    const spec = specOf(crew, 'one_for_one', all('a', 'b'))
    const children = [{ ...spec.children[0]!, shutdown: 120 }, spec.children[1]!]
    await supervised(crew, { ...spec, children }, async (s) => {
      crew.t.kernel.suspend(crew.pids.get('a')!)
      const from = s.sys.now()
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(s.sys.now() - from).toBe(120)
      const ends = crew.t.facts.flatMap((fact) => (fact.type === 'process.exited' ? [fact] : []))
      expect(ends.find(({ pid }) => pid === crew.pids.get('a'))?.reason).toEqual({
        kind: 'killed',
        by: s.pid,
      })
      expect(ends.find(({ pid }) => pid === crew.pids.get('b'))?.reason).toEqual({ kind: 'shutdown' })
    })
  })

  test('0 kills at once: the child hears no Term', async () => {
    const crew = createCrew()
    const spec = specOf(crew, 'one_for_one', all('a'))
    await supervised(crew, { ...spec, children: [{ ...spec.children[0]!, shutdown: 0 }] }, async (s) => {
      await s.sys.term(s.cap)
      await s.ended()
      const [end] = crew.t.facts.filter(
        (fact) => fact.type === 'process.exited' && fact.pid === crew.pids.get('a'),
      )
      expect(end).toMatchObject({ reason: { kind: 'killed', by: s.pid } })
    })
  })

  test('what a stranger sends first is no grant to pass on', async () => {
    const t = testKernel()
    const given: number[] = []
    const child = image('child', (sys) => sys.sleep(1000))
    const caps: ChildSpec['caps'] = (granted) => {
      given.push(granted.caps.length)
      return granted.caps
    }
    const spec: SupervisorSpec = {
      strategy: 'one_for_one',
      children: [{ id: 'child', image: child, restart: 'permanent', caps }],
    }
    await runRoot(t, async (sys) => {
      const { cap } = await sys.spawn(supervisor(spec))
      // Before it first runs.
      await sys.send(cap, { $: 'boot', devices: {} }, { caps: [sys.selfCap(), sys.selfCap()] })
      await sys.sleep(1)
      expect(given).toEqual([0])
      await sys.signal(cap)
      await sys.sleep(1)
    })
  })
})
