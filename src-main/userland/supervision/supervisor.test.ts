import { describe, expect, test } from 'vitest'
import { image, runRoot } from '../../kernel/test-kernel.ts'
import type { ChildSpec, RestartKind, SupervisorSpec } from './child-spec.ts'
import { supervisor } from './supervisor.ts'
import { type Crew, createCrew, supervised } from './test-crew.ts'

function three(crew: Crew, restart: RestartKind = 'permanent'): ChildSpec[] {
  return ['a', 'b', 'c'].map((id) => ({ id, image: crew.worker(id), restart }))
}

const one = (children: readonly ChildSpec[], extra: Partial<SupervisorSpec> = {}): SupervisorSpec => ({
  strategy: 'one_for_one',
  children,
  ...extra,
})

describe('order', () => {
  test('starts left to right, stops right to left on term, and exits with shutdown', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew)), async (s) => {
      expect(crew.news()).toBe('+a +b +c')
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.news()).toBe('-c -b -a')
    })
  })

  test('waits for each child before it asks the next', async () => {
    const crew = createCrew()
    const children = [
      { id: 'a', image: crew.worker('a'), restart: 'permanent' },
      { id: 'slow', image: crew.worker('slow', 300), restart: 'permanent' },
    ] as const
    await supervised(crew, one(children), async (s) => {
      await s.sys.term(s.cap)
      await s.sys.sleep(299)
      expect(crew.alive()).toEqual(['a', 'slow'])
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.log).toEqual(['+a', '+slow', '-slow', '-a'])
    })
  })
})

describe('strategies', () => {
  test.each([
    ['one_for_one', '-b +b'],
    ['one_for_all', '-b -c -a +a +b +c'],
    ['rest_for_one', '-b -c +b +c'],
  ] as const)('%s', async (strategy, expected) => {
    const crew = createCrew()
    await supervised(crew, one(three(crew), { strategy }), async (s) => {
      crew.news()
      crew.tell('b', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe(expected)
      expect(crew.alive()).toEqual(['a', 'b', 'c'])
    })
  })

  test('a group restart counts once, and its stopped siblings are no failures', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew), { strategy: 'one_for_all', intensity: 2 }), async (s) => {
      for (const id of ['a', 'c']) {
        crew.tell(id, 'fault')
        await s.sys.sleep(1)
      }
      expect(crew.alive()).toEqual(['a', 'b', 'c'])
      expect(crew.log.filter((line) => line === '+b')).toHaveLength(3)
      crew.tell('b', 'fault')
      expect(await s.ended()).toMatchObject({ kind: 'fault' })
    })
  })

  test('siblings that die together are one failure in a group restart', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew), { strategy: 'one_for_all' }), async (s) => {
      for (const id of ['a', 'b', 'c']) crew.tell(id, 'fault')
      await s.sys.sleep(1)
      expect(crew.alive()).toEqual(['a', 'b', 'c'])
    })
  })

  test('siblings that die together are as many failures one for one', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew), { intensity: 2 }), async (s) => {
      for (const id of ['a', 'b', 'c']) crew.tell(id, 'fault')
      expect(await s.ended()).toMatchObject({ kind: 'fault' })
      expect(crew.alive()).toEqual([])
    })
  })
})

describe('restart kinds', () => {
  test.each([
    ['permanent', 'normal', '-a +a'],
    ['permanent', 'shutdown', '-a +a'],
    ['permanent', 'fault', '-a +a'],
    ['transient', 'normal', '-a'],
    ['transient', 'shutdown', '-a'],
    ['transient', 'fault', '-a +a'],
    ['temporary', 'normal', '-a'],
    ['temporary', 'fault', '-a'],
  ] as const)('%s after %s', async (restart, command, expected) => {
    const crew = createCrew()
    await supervised(crew, one(three(crew, restart)), async (s) => {
      crew.news()
      crew.tell('a', command)
      await s.sys.sleep(1)
      expect(crew.news()).toBe(expected)
    })
  })

  test('a group restart leaves temporary children down and brings ended transient ones back', async () => {
    const crew = createCrew()
    const kinds: RestartKind[] = ['temporary', 'transient', 'permanent']
    const children = kinds.map((restart) => ({ id: restart, image: crew.worker(restart), restart }))
    await supervised(crew, one(children, { strategy: 'one_for_all' }), async (s) => {
      crew.tell('transient', 'normal')
      await s.sys.sleep(1)
      crew.news()
      crew.tell('permanent', 'fault')
      await s.sys.sleep(1)
      expect(crew.news()).toBe('-permanent -temporary +transient +permanent')
    })
  })

  test('quota, deadline and a kill from outside are abnormal', async () => {
    const crew = createCrew()
    const worker = (id: string) => ({ id, image: crew.worker(id), restart: 'transient' }) as const
    const children = [
      { ...worker('wall'), quota: { wallMs: 50 } },
      { ...worker('late'), deadline: 60 },
      worker('shot'),
    ]
    await supervised(crew, one(children, { intensity: 3 }), async (s) => {
      crew.t.kernel.signal(crew.pids.get('shot')!)
      await s.sys.sleep(65)
      expect(crew.log.filter((line) => line.startsWith('+'))).toHaveLength(6)
    })
  })
})

describe('intensity', () => {
  test('one restart in five seconds by default, sliding', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew)), async (s) => {
      for (let round = 0; round < 5; round++) {
        crew.tell('a', 'fault')
        await s.sys.sleep(5001)
      }
      expect(crew.isAlive('a')).toBe(true)
      crew.tell('a', 'fault')
      await s.sys.sleep(4990)
      crew.tell('c', 'fault')
      expect(await s.ended()).toEqual({
        kind: 'fault',
        error: 'child c: more than 1 restarts in 5000 ms',
      })
      expect(crew.alive()).toEqual([])
    })
  })

  test('zero means never', async () => {
    const crew = createCrew()
    await supervised(crew, one(three(crew), { intensity: 0 }), async (s) => {
      crew.tell('b', 'fault')
      expect(await s.ended()).toMatchObject({ kind: 'fault' })
      expect(crew.log.slice(3)).toEqual(['-b', '-c', '-a'])
    })
  })

  test('a crash storm ends it after exactly its intensity', async () => {
    const crew = createCrew()
    let starts = 0
    const crasher = image('crasher', async () => {
      starts++
      throw new Error('at once')
    })
    const spec = one([{ id: 'crasher', image: crasher, restart: 'permanent' }], { intensity: 25, period: 10 })
    await supervised(crew, spec, async (s) => {
      expect(await s.ended()).toMatchObject({ kind: 'fault' })
      expect(starts).toBe(26)
      expect(crew.t.kernel.caps(s.pid)).toEqual([])
    })
  })
})

describe('shutdown', () => {
  test.each([
    ['ignores', undefined, 5000],
    ['ignores', 100, 100],
    ['obeys', 0, 0],
    [250, 'infinity', 250],
    [250, 300, 250],
    [250, 200, 200],
  ] as const)('a child that %s, with %s', async (manner, shutdown, tookMs) => {
    const crew = createCrew()
    const child: ChildSpec = {
      id: 'a',
      image: crew.worker('a', manner),
      restart: 'permanent',
      ...(shutdown === undefined ? {} : { shutdown }),
    }
    await supervised(crew, one([child]), async (s) => {
      const from = s.sys.now()
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(s.sys.now() - from).toBe(tookMs)
      expect(crew.alive()).toEqual([])
    })
  })

  test('a child that dies while its sibling is being stopped is stopped too, not restarted', async () => {
    const crew = createCrew()
    const children = [
      { id: 'a', image: crew.worker('a'), restart: 'permanent' },
      { id: 'slow', image: crew.worker('slow', 300), restart: 'permanent' },
    ] as const
    await supervised(crew, one(children), async (s) => {
      await s.sys.term(s.cap)
      await s.sys.sleep(100)
      crew.tell('a', 'fault')
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.log).toEqual(['+a', '+slow', '-a', '-slow'])
    })
  })

  test('term in the middle of a group restart waits for its end, then stops everything', async () => {
    const crew = createCrew()
    const children = [
      { id: 'a', image: crew.worker('a'), restart: 'permanent' },
      { id: 'slow', image: crew.worker('slow', 300), restart: 'permanent' },
    ] as const
    await supervised(crew, one(children, { strategy: 'one_for_all' }), async (s) => {
      crew.tell('a', 'fault')
      await s.sys.sleep(50)
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.alive()).toEqual([])
    })
  })
})

describe('starting', () => {
  test('a start that fails stops those already started and is a fault naming the child', async () => {
    const crew = createCrew()
    const children: ChildSpec[] = three(crew)
    children[2] = { ...children[2]!, quota: { tokens: 1000 } }
    await supervised(
      crew,
      one(children),
      async (s) => {
        expect(await s.ended()).toMatchObject({
          kind: 'fault',
          error: expect.stringMatching(/^child c: .*tokens/),
        })
        expect(crew.news()).toBe('+a +b -b -a')
        expect(crew.alive()).toEqual([])
      },
      { tokens: 100 },
    )
  })

  test('restarts get fresh carves; one that no longer fits is one more failure until the intensity is used up', async () => {
    const crew = createCrew()
    crew.t.kernel.registerDriver({
      name: 'dev',
      open: () => ({ read: () => ({ value: 0, cost: { tokens: 40 } }) }),
    })
    let starts = 0
    const spender = image('spender', async (sys) => {
      starts++
      const device = (await sys.recv()).caps[0]!
      await sys.read(await sys.open(device))
      throw new Error('spent')
    })
    await runRoot(
      crew.t,
      async (sys) => {
        const grant = (await sys.recv<{ devices: Record<string, never> }>()).body
        const spec = one(
          [
            {
              id: 'spender',
              image: spender,
              restart: 'permanent',
              quota: { tokens: 50 },
              caps: ({ caps }) => [caps[0]!],
            },
          ],
          { intensity: 10 },
        )
        const { cap } = await sys.spawn(supervisor(spec), {
          caps: [grant.devices.dev!],
          quota: { tokens: 100 },
        })
        expect(await sys.waitpid(cap)).toMatchObject({ kind: 'fault' })
        // 100, then 60 after the first 40, then 20: too few for a carve of 50.
        expect(starts).toBe(2)
        expect(sys.budget().tokens).toBe(920)
      },
      { grant: ['dev'], quota: { tokens: 1000 } },
    )
  })

  test.each([
    [3, 'lives'],
    [2, 'gives up'],
  ])(
    'a restart that fails twice is tried again, each try counting: with %i it %s',
    async (intensity, outcome) => {
      const crew = createCrew()
      let chosen = 0
      const caps = () => {
        chosen++
        if (chosen === 2 || chosen === 3) throw new Error('not there yet')
        return []
      }
      const children: ChildSpec[] = three(crew)
      children[1] = { ...children[1]!, caps }
      await supervised(crew, one(children, { intensity, strategy: 'rest_for_one' }), async (s) => {
        crew.tell('b', 'fault')
        await s.sys.sleep(1)
        expect(crew.t.kernel.isAlive(s.pid)).toBe(outcome === 'lives')
        expect(crew.alive()).toEqual(outcome === 'lives' ? ['a', 'b', 'c'] : [])
        expect(crew.log.filter((line) => line === '+a')).toHaveLength(1)
      })
    },
  )

  test('term is heard between tries', async () => {
    const crew = createCrew()
    let isBroken = false
    const caps = () => {
      if (isBroken) throw new Error('broken')
      return []
    }
    const children: ChildSpec[] = three(crew)
    children[1] = { ...children[1]!, caps }
    await supervised(crew, one(children, { intensity: 1_000_000 }), async (s) => {
      isBroken = true
      crew.tell('b', 'fault')
      for (let i = 0; i < 10; i++) await s.sys.yield()
      await s.sys.term(s.cap)
      expect(await s.ended()).toEqual({ kind: 'shutdown' })
      expect(crew.alive()).toEqual([])
    })
  })

  test.each([
    ['a strategy', { strategy: 'two_for_one' }],
    ['an intensity', { intensity: -1 }],
    ['an intensity', { intensity: 1.5 }],
    ['a period', { period: 0 }],
    ['a period', { period: Number.NaN }],
  ])('refuses %s that is none', (_what, wrong) => {
    const spec = { ...one([]), ...wrong } as SupervisorSpec
    expect(() => supervisor(spec)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })

  test.each([
    ['the same id twice', [{ id: 'a' }, { id: 'a' }]],
    ['an empty id', [{ id: '' }]],
    ['an unknown restart kind', [{ id: 'a', restart: 'sometimes' }]],
    ['a shutdown that is no time', [{ id: 'a', shutdown: -1 }]],
  ])('refuses %s', (_what, children) => {
    const crew = createCrew()
    const whole = children.map((child) => ({ image: crew.worker('x'), restart: 'permanent', ...child }))
    expect(() => supervisor(one(whole as ChildSpec[]))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })
})
