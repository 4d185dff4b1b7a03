import { expect, test } from 'vitest'
import type { BootGrant, Right } from './abi.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

test('a child holds exactly what it was given; a copied reference is worth nothing', async () => {
  const t = testKernel()
  const thief = image('thief', async (sys, args) => {
    const stolen = args as CapRef
    for (const attempt of [
      () => sys.send(stolen, 1),
      () => sys.signal(stolen),
      () => sys.monitor(stolen),
      () => sys.open(stolen),
      () => sys.read(stolen),
      async () => sys.derive(stolen, []),
      async () => sys.revoke(stolen),
      () => sys.send(sys.selfCap(), 1, { caps: [stolen] }),
      () => sys.spawn(idle, { caps: [stolen] }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'ECAP',
        message: 'capability unknown or not owned',
      })
    }
    const unknown = sys.send('ff'.repeat(16) as CapRef, 1)
    await expect(unknown).rejects.toMatchObject({ message: 'capability unknown or not owned' })
  })
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap } = await sys.spawn(thief, { args: sys.selfCap() })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('rights only narrow, expiry only shortens, and a revoked branch dies in every process', async () => {
  const t = testKernel()
  const keeper = image('keeper', async (sys) => {
    const [target, boss] = (await sys.recv()).caps
    await sys.send(target!, 'works')
    await sys.send(boss!, 'ready')
    await sys.recv({ timeoutMs: 10 }).catch(() => undefined)
    await expect(sys.send(target!, 'too late')).rejects.toMatchObject({ code: 'ECAP' })
  })
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap } = await sys.spawn(idle)
    const sender = sys.derive(cap, ['send'])
    expect(() => sys.derive(sender, ['send', 'kill'])).toThrow(expect.objectContaining({ code: 'ECAP' }))
    expect(() => sys.derive(cap, ['fly' as Right])).toThrow(expect.objectContaining({ code: 'EINVAL' }))
    const brief = sys.attenuate(sender, { expiresInMs: 5 })
    const longer = sys.attenuate(brief, { expiresInMs: 5000 })
    const token = sys.derive(sender, [])
    await expect(sys.send(token, 1)).rejects.toMatchObject({ code: 'ECAP' })
    const held = await sys.spawn(keeper, { caps: [sender, sys.selfCap()] })
    await sys.recv()
    sys.revoke(sender)
    for (const dead of [sender, brief, longer, token]) {
      await expect(sys.send(dead, 1)).rejects.toMatchObject({ code: 'ECAP' })
    }
    await sys.send(cap, 'the parent still works')
    expect(await sys.waitpid(held.cap)).toEqual({ kind: 'normal' })
    const second = sys.attenuate(sys.attenuate(cap, { expiresInMs: 5 }), { expiresInMs: 5000 })
    await sys.sleep(5)
    await sys.send(second, 'on the edge')
    await sys.sleep(1)
    await expect(sys.send(second, 'past it')).rejects.toMatchObject({ code: 'ECAP' })
    sys.revoke(second)
  })
})

test('a capability outlives the process that passed it on, and still dies with its origin', async () => {
  const t = testKernel()
  const relay = image('relay', async (sys) => {
    const [target, last] = (await sys.recv()).caps
    await sys.send(last!, 'yours', { caps: [target!] })
  })
  const tries: string[] = []
  const last = image('last', async (sys) => {
    const cap = (await sys.recv()).caps[0]!
    for (;;) {
      await sys.sleep(10)
      await sys.send(cap, 1).then(
        () => tries.push('ok'),
        (error: { code: string }) => tries.push(error.code),
      )
    }
  })
  await runRoot(t, async (sys) => {
    await sys.recv()
    const target = await sys.spawn(idle)
    const given = sys.derive(target.cap, ['send'])
    const end = await sys.spawn(last)
    const middle = await sys.spawn(relay, { caps: [given, end.cap] })
    await sys.waitpid(middle.cap)
    await sys.sleep(15)
    sys.revoke(given)
    await sys.sleep(10)
    expect(tries).toEqual(['ok', 'ECAP'])
  })
})

test('an in-flight capability that is revoked arrives dead, its message arrives', async () => {
  const t = testKernel()
  const sink = image('sink', async (sys) => {
    await sys.sleep(10)
    const message = await sys.recv()
    expect(message.body).toBe('with cap')
    await expect(sys.send(message.caps[0]!, 1)).rejects.toMatchObject({ code: 'ECAP' })
  })
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap } = await sys.spawn(sink)
    const given = sys.selfCap()
    await sys.send(cap, 'with cap', { caps: [given] })
    sys.revoke(given)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('gated spawning needs the capability, which is passed on like any other', async () => {
  const t = testKernel({ capGatedSpawn: true })
  const child = image('child', async (sys, args) => {
    const attempt = sys.spawn(idle)
    if (args === 'may') await attempt
    else await expect(attempt).rejects.toMatchObject({ code: 'ECAP' })
  })
  await runRoot(t, async (sys) => {
    const { spawn } = (await sys.recv<BootGrant>()).body
    for (const [args, caps] of [
      ['may', [spawn!]],
      ['may not', []],
    ] as const) {
      const { cap } = await sys.spawn(child, { args, caps })
      expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    }
    sys.revoke(spawn!)
    await expect(sys.spawn(idle)).rejects.toMatchObject({ code: 'ECAP' })
  })
})

test('a child cannot outrank its parent, nor raise itself', async () => {
  const t = testKernel()
  const climber = image('climber', async (sys) => {
    sys.sched({ priority: 20 })
    await sys.spawn(
      image('grandchild', (inner) => inner.sleep(100)),
      { priority: 20, mayRaise: true },
    )
    await sys.sleep(100)
  })
  await runRoot(t, async (sys) => {
    await sys.spawn(climber, { priority: 3 })
    await sys.sleep(5)
    expect(t.kernel.ps().map((row) => [row.name, row.priority])).toEqual([
      ['root', 0],
      ['climber', 3],
      ['grandchild', 3],
    ])
  })
})

test.each<
  [string, Parameters<Parameters<typeof runRoot>[1]>[0] extends infer S ? (sys: S) => unknown : never]
>([
  ['NaN sleep', (sys) => sys.sleep(Number.NaN)],
  ['endless sleep', (sys) => sys.sleep(Number.POSITIVE_INFINITY)],
  ['negative timeout', (sys) => sys.recv({ timeoutMs: -1 })],
  ['NaN deadline', (sys) => sys.send(sys.selfCap(), 1, { deadline: Number.NaN })],
  ['empty name', (sys) => sys.register('')],
  ['long name', (sys) => sys.register('é'.repeat(129))],
  ['control characters', (sys) => sys.register('a\u0000b')],
  ['priority past the end', (sys) => sys.sched({ priority: 21 })],
  ['a fraction of a priority', (sys) => sys.spawn(idle, { priority: 0.5 })],
  ['negative quota', (sys) => sys.spawn(idle, { quota: { tokens: -1 } })],
  ['NaN quota', (sys) => sys.spawn(idle, { quota: { usd: Number.NaN } })],
  ['no image', (sys) => sys.spawn(undefined as never)],
  [
    'a trap for an option',
    (sys) =>
      sys.spawn(idle, {
        get args() {
          throw new Error('trap')
        },
      }),
  ],
  ['uncloneable arguments', (sys) => sys.spawn(idle, { args: () => 1 })],
  ['someone else’s end', (sys) => sys.exit({ kind: 'quota', resource: 'tokens' })],
  ['no hook', (sys) => sys.onCleanup('hook' as never)],
  ['no list of requests', (sys) => sys.readAll(sys.selfCap(), { length: 'x' } as never)],
  ['fractional tokens', (sys) => sys.remember('x', { tokens: 0.5 })],
  ['no query', (sys) => sys.recall(5 as never)],
])('%s is refused and costs nothing', async (_name, attempt) => {
  const t = testKernel()
  await runRoot(
    t,
    async (sys) => {
      const before = sys.budget()
      await expect((async () => attempt(sys))()).rejects.toMatchObject({
        code: expect.stringMatching(/EINVAL|ECAP/),
      })
      expect(sys.budget()).toEqual(before)
      expect(t.kernel.ps()).toHaveLength(1)
    },
    { quota: { tokens: 10, children: 1, mem: 10 } },
  )
})

test('a flood of messages neither grows a bounded mailbox nor stops the house', async () => {
  const t = testKernel()
  const flooder = image('flooder', async (sys) => {
    const to = (await sys.recv()).caps[0]!
    for (;;) {
      sys.send(to, 'x'.repeat(100)).catch(() => undefined)
      await sys.yield()
    }
  })
  let ticks = 0
  const bystander = image('bystander', async (sys) => {
    for (;;) {
      ticks++
      await sys.yield()
    }
  })
  const done = t.kernel.boot(
    image('root', async (sys) => {
      await sys.recv()
      const { cap } = await sys.spawn(idle, { quota: { maxMailbox: 5 } })
      await sys.suspend(cap)
      await sys.spawn(flooder, { caps: [cap] })
      await sys.spawn(bystander)
      for (;;) await sys.recv()
    }),
    { grant: [], quota: {} },
  )
  await settled(10)
  expect(t.kernel.ps().find((row) => row.name === 'idle')?.mailboxDepth).toBe(5)
  expect(ticks).toBeGreaterThan(100)
  for (const { pid } of t.kernel.ps()) t.kernel.signal(pid)
  await done
  expect(t.kernel.ps()).toEqual([])
})

test('metrics are valid text with one family each, and count what happened', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.spawn(
      image('odd "name"\\', async (inner) => void (await inner.recv())),
      {},
    )
    const send = sys.send('x' as CapRef, 1)
    await send.catch(() => undefined)
    const text = t.kernel.metricsText()
    expect(text).toContain('signalbox_kernel_syscall_errors_total{name="send",code="ECAP"} 1')
    expect(text).toContain('signalbox_kernel_processes{state="running"} 1')
    const types = text.match(/^# TYPE \S+/gm) ?? []
    expect(new Set(types).size).toBe(types.length)
    for (const line of text.trim().split('\n')) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.e+-]+)$/,
      )
    }
  })
})
