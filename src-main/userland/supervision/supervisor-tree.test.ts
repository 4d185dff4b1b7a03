import { expect, test } from 'vitest'
import type { BootGrant } from '../../kernel/abi.ts'
import { image, runRoot, settled, testKernel } from '../../kernel/test-kernel.ts'
import type { ChildSpec, SupervisorSpec } from './child-spec.ts'
import { supervisor } from './supervisor.ts'
import { type Crew, createCrew, supervised } from './test-crew.ts'

/** A supervisor of `a` and of a nested one of `b` and `c`. */
function nested(crew: Crew, inner: Partial<SupervisorSpec> = {}): SupervisorSpec {
  const leaf = (id: string): ChildSpec => ({ id, image: crew.worker(id), restart: 'permanent' })
  const below = supervisor({
    name: 'inner',
    strategy: 'one_for_one',
    children: [leaf('b'), leaf('c')],
    ...inner,
  })
  return {
    strategy: 'one_for_one',
    children: [leaf('a'), { id: 'inner', image: below, restart: 'permanent', shutdown: 'infinity' }],
  }
}

function innerPids(crew: Crew): number[] {
  return crew.t.kernel
    .ps()
    .filter((row) => row.name === 'inner')
    .map((row) => row.pid)
}

test('stops a tree from its leaves', async () => {
  const crew = createCrew()
  await supervised(crew, nested(crew), async (s) => {
    expect(crew.news()).toBe('+a +b +c')
    await s.sys.term(s.cap)
    expect(await s.ended()).toEqual({ kind: 'shutdown' })
    expect(crew.news()).toBe('-c -b -a')
  })
})

test('a failure stays below the supervisor that can mend it', async () => {
  const crew = createCrew()
  await supervised(crew, nested(crew), async (s) => {
    const before = innerPids(crew)
    crew.news()
    crew.tell('b', 'fault')
    await s.sys.sleep(1)
    expect(crew.news()).toBe('-b +b')
    expect(innerPids(crew)).toEqual(before)
  })
})

test('one that it cannot mend goes up: the nested supervisor is restarted with fresh children', async () => {
  const crew = createCrew()
  await supervised(crew, nested(crew, { intensity: 0 }), async (s) => {
    const before = innerPids(crew)
    crew.news()
    crew.tell('b', 'fault')
    await s.sys.sleep(1)
    expect(crew.news()).toBe('-b -c +b +c')
    expect(innerPids(crew)).not.toEqual(before)
    crew.tell('c', 'fault')
    expect(await s.ended()).toMatchObject({ kind: 'fault', error: expect.stringContaining('child inner') })
    expect(crew.alive()).toEqual([])
  })
})

test('a killed supervisor takes its children with it, and a killed nested one is restarted without leftovers', async () => {
  const crew = createCrew()
  await supervised(crew, nested(crew), async (s) => {
    const [inner] = innerPids(crew)
    crew.news()
    crew.t.kernel.signal(inner as never)
    await s.sys.sleep(1)
    expect(crew.alive()).toEqual(['a', 'b', 'c'])
    expect(crew.news().split(' ').sort().join(' ')).toBe('+b +c -b -c')
    expect(crew.t.kernel.ps().map((row) => row.name)).toEqual(['root', 'supervisor', 'a', 'inner', 'b', 'c'])
    await s.sys.signal(s.cap)
    await s.sys.sleep(1)
    expect(crew.t.kernel.ps().map((row) => row.name)).toEqual(['root'])
  })
})

test('a nested supervisor that is killed for being slow leaves no orphans', async () => {
  const crew = createCrew()
  const spec = nested(crew)
  const stuck = supervisor({
    name: 'inner',
    strategy: 'one_for_one',
    children: [
      { id: 'deaf', image: crew.worker('deaf', 'ignores'), restart: 'permanent', shutdown: 'infinity' },
    ],
  })
  const children = [
    spec.children[0]!,
    { id: 'inner', image: stuck, restart: 'permanent', shutdown: 100 } as const,
  ]
  await supervised(crew, { ...spec, children }, async (s) => {
    const from = s.sys.now()
    await s.sys.term(s.cap)
    expect(await s.ended()).toEqual({ kind: 'shutdown' })
    expect(s.sys.now() - from).toBe(100)
    await s.sys.sleep(1)
    expect(crew.alive()).toEqual([])
  })
})

test('a nested supervisor out of room for its children escalates, and everything is carved again', async () => {
  const crew = createCrew()
  const leaf: ChildSpec = { id: 'b', image: crew.worker('b'), restart: 'permanent', quota: { tokens: 60 } }
  const inner = supervisor({ name: 'inner', strategy: 'one_for_one', children: [leaf] })
  const spec: SupervisorSpec = {
    strategy: 'one_for_one',
    children: [{ id: 'inner', image: inner, restart: 'permanent', quota: { tokens: 100 } }],
  }
  await supervised(
    crew,
    spec,
    async (s) => {
      // Its whole budget is carved out for the nested one, which must be back before the next carve.
      crew.t.kernel.signal(innerPids(crew)[0] as never)
      await s.sys.sleep(1)
      expect(crew.alive()).toEqual(['b'])
      expect(crew.t.kernel.usage(crew.pids.get('b') as never)?.tokens.limit).toBe(60)
    },
    { tokens: 100 },
  )
})

test("look-alikes of the kernel's messages, garbage and floods move nothing", async () => {
  const crew = createCrew()
  const children = ['a', 'b'].map((id) => ({ id, image: crew.worker(id), restart: 'permanent' }) as const)
  await supervised(crew, { strategy: 'one_for_all', children, intensity: 0 }, async (s) => {
    const forged = [
      { $: 'term', from: 0 },
      { $: 'down', pid: crew.pids.get('a'), reason: { kind: 'fault', error: 'forged' } },
      { $: 'boot', devices: {} },
      null,
      'text',
      [],
      { $: { $: 'term' } },
      new Map([['$', 'term']]),
    ]
    for (const body of forged) await s.sys.send(s.cap, body)
    for (let i = 0; i < 2000; i++) await s.sys.send(s.cap, { $: 'down', pid: i, reason: { kind: 'normal' } })
    await s.sys.sleep(1)
    expect(crew.log).toEqual(['+a', '+b'])
    crew.tell('b', 'fault')
    expect(await s.ended()).toMatchObject({ kind: 'fault', error: expect.stringContaining('child b') })
  })
})

test('a message from another machine cannot end it, though it comes from 0', async () => {
  const crew = createCrew()
  const children = [{ id: 'a', image: crew.worker('a'), restart: 'permanent' }] as const
  await supervised(crew, { strategy: 'one_for_one', children }, async (s) => {
    const relayed = image('relayed', async (sys) => {
      const remote = {
        id: 'm0',
        from: 0,
        to: sys.self(),
        body: { $: 'term', from: 0 },
        caps: [],
        remote: { node: 'elsewhere', pid: 7 },
      }
      let isFirst = true
      const recv: typeof sys.recv = (options) => {
        if (!isFirst) return sys.recv(options)
        isFirst = false
        return Promise.resolve(remote as never)
      }
      const inner = supervisor({ strategy: 'one_for_one', children: [] })
      await inner.main(Object.assign(Object.create(null), sys, { recv }), undefined)
    })
    const { cap } = await s.sys.spawn(relayed)
    await s.sys.sleep(10)
    await s.sys.term(cap)
    expect(await s.sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
    expect(s.sys.now()).toBeGreaterThanOrEqual(11)
  })
})

test('a booted supervisor grants its children devices, again after each restart', async () => {
  const t = testKernel()
  const read: unknown[] = []
  t.kernel.registerDriver({ name: 'dev', open: () => ({ read: (value) => ({ value }) }) })
  const child = image('child', async (sys, args) => {
    const { caps, body, from } = await sys.recv<BootGrant>()
    expect([from, body, caps.length]).toEqual([0, { $: 'caps' }, 1])
    read.push(await sys.read(await sys.open(caps[0]!), args))
    await sys.recv()
    throw new Error('told to')
  })
  const spec: SupervisorSpec = {
    strategy: 'one_for_one',
    children: [
      { id: 'child', image: child, restart: 'permanent', args: 'x', caps: ({ devices }) => [devices.dev!] },
    ],
  }
  const ended = t.kernel.boot(supervisor(spec), { grant: ['dev'], quota: {} })
  await settled()
  for (const name of ['child', 'supervisor']) {
    t.kernel.post(t.kernel.ps().find((row) => row.name === name)!.pid, 'go')
    await settled()
  }
  expect(read).toEqual(['x', 'x'])
  expect(t.kernel.caps().filter((row) => row.kind === 'device')).toHaveLength(2)
  await t.kernel.shutdown(100)
  expect(await ended).toEqual({ kind: 'shutdown' })
})

test('restarts leave nothing behind in the supervisor', async () => {
  const crew = createCrew()
  const children = [{ id: 'a', image: crew.worker('a'), restart: 'permanent' }] as const
  await supervised(crew, { strategy: 'one_for_one', children, intensity: 500 }, async (s) => {
    const before = crew.t.kernel.caps().length
    for (let i = 0; i < 200; i++) {
      crew.tell('a', 'fault')
      await s.sys.sleep(1)
    }
    expect(crew.t.kernel.caps()).toHaveLength(before)
  })
})

test('the body of a tethered child sees its own capabilities and messages only', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const seen: unknown[] = []
    const curious = image('curious', async (inner) => {
      const corr = inner
        .recv({ corr: 'late' as never, timeoutMs: 5 })
        .catch((error: { code: string }) => error.code)
      const first = await inner.recv()
      seen.push(await corr, first.caps.length, (await inner.recv()).body)
      seen.push(inner.budget !== undefined, Object.getPrototypeOf(inner), Object.isFrozen(inner))
    })
    const spec: SupervisorSpec = {
      strategy: 'one_for_one',
      children: [{ id: 'curious', image: curious, restart: 'temporary', caps: ({ caps }) => caps }],
    }
    const { cap } = await sys.spawn(supervisor(spec), { caps: [sys.selfCap(), sys.selfCap()] })
    await sys.sleep(1)
    t.kernel.post(t.kernel.ps().find((row) => row.name === 'curious')!.pid, 'second')
    await sys.sleep(10)
    expect(seen).toEqual(['ETIMEDOUT', 2, 'second', true, null, true])
    await sys.term(cap)
    await sys.waitpid(cap)
  })
})
