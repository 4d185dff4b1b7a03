import { expect, test } from 'vitest'
import type { Message } from './abi.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

test('a message arrives as a copy, stamped by the kernel, and a reply is matched by corr', async () => {
  const t = testKernel()
  const echo = image('echo', async (sys) => {
    const message = await sys.recv<{ n: number; from: number }>()
    message.body.n = 99
    await sys.send(
      message.caps[0]!,
      { n: message.body.n, claimed: message.body.from, from: message.from },
      { corr: message.id },
    )
  })
  const reason = await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap } = await sys.spawn(echo)
    const body = { n: 1, from: 77 }
    await sys.send(cap, body, { caps: [sys.selfCap()] })
    body.n = 5
    const reply = await sys.recv<{ n: number; claimed: number; from: number }>()
    expect(reply.body).toEqual({ n: 99, claimed: 77, from: sys.self() })
    expect(body.n).toBe(5)
    expect(reply.corr).toMatch(/^m/)
  })
  expect(reason).toEqual({ kind: 'normal' })
})

test('a full mailbox parks senders in order and loses nothing', async () => {
  const t = testKernel()
  const got: unknown[] = []
  const sink = image('sink', async (sys) => {
    await sys.sleep(10)
    for (let i = 0; i < 60; i++) got.push((await sys.recv()).body)
  })
  const source = image('source', async (sys, args) => {
    const to = (await sys.recv()).caps[0]!
    for (let i = 0; i < 20; i++) await sys.send(to, [args, i])
  })
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap } = await sys.spawn(sink, { quota: { maxMailbox: 2 } })
    for (const n of [0, 1, 2]) await sys.spawn(source, { args: n, caps: [cap] })
    await sys.sleep(5)
    const row = t.kernel.ps().find((one) => one.name === 'sink')
    expect(row?.mailboxDepth).toBe(2)
    expect(row?.sendersParked).toBe(3)
    await sys.waitpid(cap)
  })
  expect(got).toHaveLength(60)
  for (const n of [0, 1, 2]) {
    const mine = (got as [number, number][]).filter(([who]) => who === n).map(([, i]) => i)
    expect(mine).toEqual(Array.from({ length: 20 }, (_, i) => i))
  }
})

test('a process that fills its own mailbox gets EDEADLK, a dead target ESRCH for parked senders', async () => {
  const t = testKernel()
  const errors: string[] = []
  const tight = image('tight', async (sys) => {
    const self = sys.selfCap()
    await sys.send(self, 1)
    await sys.send(self, 2).catch((error: { code: string }) => errors.push(error.code))
    await sys.sleep(100)
  })
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(tight, { quota: { maxMailbox: 1 } })
    await sys.sleep(1)
    const parked = sys.send(cap, 'late').catch((error: { code: string }) => errors.push(error.code))
    await sys.sleep(1)
    await sys.signal(cap)
    await parked
    await sys.send(cap, 'later').catch((error: { code: string }) => errors.push(error.code))
  })
  expect(errors).toEqual(['EDEADLK', 'ESRCH', 'ESRCH'])
})

test('an expired message is dropped with its capabilities, a parked one releases its sender', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.recv()
    const late = image('late', async (inner) => {
      await inner.sleep(50)
      const seen: unknown[] = []
      for (;;) {
        const message = await inner.recv({ timeoutMs: 0 }).catch(() => undefined)
        if (!message) break
        seen.push(message.body)
      }
      expect(seen).toEqual(['fresh'])
    })
    const { cap } = await sys.spawn(late, { quota: { maxMailbox: 2 } })
    await sys.send(cap, 'stale', { deadline: sys.now() + 10, caps: [sys.selfCap()] })
    await sys.send(cap, 'fresh', { deadline: sys.now() + 100 })
    const started = sys.now()
    await sys.send(cap, 'parked', { deadline: sys.now() + 20 })
    expect(sys.now() - started).toBeGreaterThanOrEqual(20)
    expect(sys.now() - started).toBeLessThan(25)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
  expect(t.kernel.metrics().find((one) => one.name.endsWith('messages_expired_total'))?.value).toBe(2)
  expect(t.kernel.caps()).toEqual([])
})

test('recv by corr leaves others queued, and a timeout withdraws the waiter', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.recv()
    const self = sys.selfCap()
    await expect(sys.recv({ timeoutMs: 5 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(sys.now()).toBe(5)
    await sys.send(self, 'a')
    const first = await sys.recv()
    await sys.send(self, 'b')
    await sys.send(self, 'reply', { corr: first.id })
    expect((await sys.recv({ corr: first.id })).body).toBe('reply')
    expect((await sys.recv()).body).toBe('b')
  })
})

test('a failing send with capabilities changes nothing', async () => {
  const t = testKernel()
  const idle = image('idle', async (sys) => void (await sys.recv()))
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap, pid } = await sys.spawn(idle)
    const before = t.kernel.caps().length
    const good = sys.selfCap()
    for (const caps of [[good, 'forged'], 'x', [undefined]]) {
      await expect(sys.send(cap, 1, { caps: caps as never })).rejects.toMatchObject({ name: /Error/ })
    }
    await expect(sys.send(cap, () => 1)).rejects.toMatchObject({ code: 'EINVAL' })
    expect(t.kernel.caps().length).toBe(before + 1)
    expect(t.kernel.ps().find((row) => row.pid === pid)?.mailboxDepth).toBe(0)
  })
})

test('Down and Term come from pid 0, look-alikes do not', async () => {
  const t = testKernel()
  const fake = image('fake', async (sys) => {
    const boss = (await sys.recv()).caps[0]!
    await sys.send(boss, { $: 'down', pid: 1, reason: { kind: 'normal' } })
  })
  const seen: Message[] = []
  await runRoot(t, async (sys) => {
    await sys.recv()
    await sys.spawn(fake, { caps: [sys.selfCap()], link: true })
    seen.push(await sys.recv(), await sys.recv())
  })
  expect(seen.map((message) => message.from)).toEqual([2, 0])
  expect(seen[1]?.body).toEqual({ $: 'down', pid: 2, reason: { kind: 'normal' } })
})

test('messages of the kernel pass a full mailbox and take no room in it', async () => {
  const t = testKernel()
  const got: unknown[] = []
  const tight = image('tight', async (sys) => {
    await sys.sleep(10)
    for (let i = 0; i < 4; i++) got.push((await sys.recv()).body)
  })
  await runRoot(t, async (sys) => {
    const { cap, pid } = await sys.spawn(tight, { quota: { maxMailbox: 1 } })
    await sys.term(cap)
    expect(t.kernel.post(pid, 'host')).toBe(true)
    await sys.send(cap, 'fits')
    expect(sys.now()).toBe(0)
    await sys.send(cap, 'waits')
    expect(sys.now()).toBe(10)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
  expect(got).toEqual([{ $: 'term', from: 1 }, 'host', 'fits', 'waits'])
})
