import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { Metrics } from './metrics.ts'
import { image, runRoot, type TestKernel, testKernel } from './test-kernel.ts'

/** Section 12: what each metric counts. Their names, kinds and labels are in metrics.test.ts. */

/** All samples of a family, as label values and number. */
function family(t: TestKernel, name: string): Record<string, number> {
  const found = t.kernel.metrics().filter((one) => one.name === `signalbox_kernel_${name}`)
  return Object.fromEntries(found.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

const stay = image('stay', async (sys) => void (await sys.recv({ corr: 'never' as never })))

test('spawns and exits, by reason', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const ends: [string, (inner: Sys) => Promise<void>, object][] = [
      ['normal', async () => undefined, {}],
      ['fault', async () => Promise.reject(new Error('x')), {}],
      ['shutdown', (inner) => inner.exit({ kind: 'shutdown' }), {}],
      ['quota', (inner) => inner.sleep(100), { quota: { wallMs: 5 } }],
      ['deadline', (inner) => inner.sleep(100), { deadline: 5 }],
    ]
    for (const [name, main, options] of ends) await sys.spawn(image(name, main), options)
    await sys.signal((await sys.spawn(stay)).cap)
    await sys.sleep(10)
  })
  expect(family(t, 'spawns_total')).toEqual({ '': 7 })
  expect(family(t, 'exits_total')).toEqual({
    normal: 2,
    fault: 1,
    killed: 1,
    quota: 1,
    deadline: 1,
    shutdown: 1,
  })
  expect(family(t, 'quota_kills_total')).toEqual({ wallMs: 1 })
})

test('calls, refused calls, dispatches and used-up quanta', async () => {
  const t = testKernel({ quantum: 10 })
  await runRoot(t, async (sys) => {
    const before = family(t, 'dispatches_total')['']!
    for (let n = 0; n < 25; n++) await sys.lookup('nobody')
    expect(family(t, 'quantum_expirations_total')).toEqual({ '': 2 })
    expect(family(t, 'dispatches_total')['']! - before).toBe(2)
    for (let n = 0; n < 3; n++) await sys.yield()
    expect(family(t, 'dispatches_total')['']! - before).toBe(5)
    await expect(sys.send('none' as CapRef, 1)).rejects.toThrow()
    expect(() => sys.register('')).toThrow()
  })
  expect(family(t, 'syscalls_total')).toEqual({ lookup: 25, yield: 3, send: 1, register: 1 })
  expect(family(t, 'syscall_errors_total')).toEqual({ 'send ECAP': 1, 'register EINVAL': 1 })
})

test('processes by state, ready ones by priority, mail and parked senders by name', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.recv()
    const { cap: full, pid } = await sys.spawn(stay, { quota: { maxMailbox: 2 } })
    const sender = image('sender', async (inner) => {
      const to = (await inner.recv()).caps[0]!
      await inner.send(to, 1)
      await inner.send(to, 2)
    })
    for (let n = 0; n < 3; n++) await sys.spawn(sender, { caps: [full] })
    await sys.sleep(1)
    expect(family(t, 'mailbox_depth')).toEqual({ stay: 2 })
    expect(family(t, 'senders_parked')).toEqual({ stay: 2 })
    expect(family(t, 'processes')).toEqual({ running: 1, waiting: 3 })
    await sys.suspend(full)
    for (const priority of [-1, -1, -7]) await sys.spawn(stay, { priority })
    expect(family(t, 'ready_queue_length')).toEqual({ '-1': 2, '-7': 1 })
    expect(family(t, 'processes')).toEqual({ running: 1, waiting: 2, stopped: 1, new: 3 })
    await sys.sleep(1)
    expect(family(t, 'ready_queue_length')).toEqual({})
    t.kernel.signal(pid)
    expect(family(t, 'mailbox_depth')).toEqual({})
  })
})

test('messages, and those past their deadline', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.recv()
    const before = family(t, 'messages_total')['']!
    const self = sys.selfCap()
    for (let n = 0; n < 3; n++) await sys.send(self, n, { deadline: sys.now() + (n === 0 ? 100 : 5) })
    await sys.sleep(50)
    expect((await sys.recv()).body).toBe(0)
    await expect(sys.recv({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(family(t, 'messages_total')['']! - before).toBe(3)
  })
  expect(family(t, 'messages_expired_total')).toEqual({ '': 2 })
})

const dear = {
  name: 'dear',
  open(_owner: unknown, params?: unknown) {
    if (params === 'no') throw new Error('no')
    const answer = async (request: unknown) => {
      if (request === 'bad') throw new Error('bad')
      return { value: 1, cost: request as object }
    }
    return { read: answer, write: answer }
  },
}

test('charges by driver and process name in base units; what went over, and what nobody could back', async () => {
  const t = testKernel()
  t.kernel.registerDriver(dear)
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      const handle = await sys.open(devices.dear!)
      await sys.read(handle, { tokens: 7, toolCalls: 2, usd: 0.25 })
      const child = image('child', async (inner) => {
        await inner.read(await inner.open((await inner.recv()).caps[0]!), { tokens: 60, usd: 1.5 })
      })
      const options = { caps: [devices.dear!], quota: { tokens: 10, usd: 1 } }
      await sys.waitpid((await sys.spawn(child, options)).cap)
    },
    { grant: ['dear'], quota: { tokens: 50, toolCalls: 5, usd: 1.5 } },
  )
  expect(family(t, 'tokens_total')).toEqual({ 'dear root': 7, 'dear child': 60 })
  expect(family(t, 'tool_calls_total')).toMatchObject({ 'dear root': 2 })
  expect(family(t, 'cost_usd_total')).toEqual({ 'dear root': 0.25, 'dear child': 1.5 })
  expect(family(t, 'overrun_total')).toEqual({ tokens: 50, usd: 0.5 })
  // 50 - 7 - 10 = 33 tokens and 0.25 dollars were free above.
  const overdraft = family(t, 'overdraft_total')
  expect(overdraft.tokens).toBe(17)
  expect(overdraft.usd).toBeCloseTo(0.25)
  expect(family(t, 'quota_kills_total')).toEqual({ tokens: 1 })
})

test('failed driver operations by what they were, and their real time in seconds', async () => {
  let nowMs = 0
  const slow = testKernel({ powers: { ...nodePowers(), monotonicMs: () => nowMs } })
  slow.kernel.registerDriver(dear)
  slow.kernel.registerDriver({
    name: 'slow',
    open: () => ({
      async read() {
        await undefined
        nowMs += 2500
        return { value: 1 }
      },
    }),
  })
  await runRoot(
    slow,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      await expect(sys.open(devices.dear!, 'no')).rejects.toMatchObject({ code: 'EDRIVER' })
      const handle = await sys.open(devices.dear!)
      await expect(sys.read(handle, 'bad')).rejects.toMatchObject({ code: 'EDRIVER' })
      await expect(sys.write(handle, 'bad')).rejects.toMatchObject({ code: 'EDRIVER' })
      await expect(sys.write(handle, { tokens: -1 })).rejects.toMatchObject({ code: 'EDRIVER' })
      await sys.read(await sys.open(devices.slow!))
    },
    { grant: ['dear', 'slow'] },
  )
  expect(family(slow, 'driver_errors_total')).toEqual({ 'dear open': 1, 'dear read': 1, 'dear write': 2 })
  expect(family(slow, 'driver_op_seconds_sum')['slow read']).toBe(2.5)
  expect(family(slow, 'driver_op_seconds_count')['slow read']).toBe(1)
})

test('capabilities by what they are on, handles apart, and those revoked with all below them', async () => {
  const t = testKernel({ capGatedSpawn: true, node: 'here', transportKey: new Uint8Array(32) })
  t.kernel.registerDriver(dear)
  t.kernel.connect('there', () => true)
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      await sys.open(devices.dear!)
      sys.dial('there', 4 as never)
      const self = sys.selfCap()
      sys.derive(sys.derive(self, ['send']), ['send'])
      expect(family(t, 'caps')).toEqual({ device: 1, handle: 1, remote: 1, process: 3, spawn: 1 })
      sys.revoke(self)
      sys.revoke(devices.dear!)
      expect(family(t, 'caps')).toEqual({ remote: 1, spawn: 1 })
    },
    { grant: ['dear'] },
  )
  // What ends with its process was not revoked.
  expect(family(t, 'cap_revocations_total')).toEqual({ process: 3, device: 1, handle: 1 })
})

test('memory: resident tokens, segments paged out and in, deaths for want of room', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const mind = image('mind', async (inner) => {
      for (let n = 0; n < 6; n++) await inner.remember(`word${n}`, { tokens: 20 })
      expect(family(t, 'mem_resident_tokens')).toEqual({
        '': t.kernel.ps().find(({ name }) => name === 'mind')?.residentTokens,
      })
      await inner.recall('word0', 1)
      await inner.remember('too much', { tokens: 1000 })
    })
    expect(await sys.waitpid((await sys.spawn(mind, { quota: { mem: 100 } })).cap)).toEqual({
      kind: 'quota',
      resource: 'mem',
    })
  })
  const events = t.kernel.events().map(({ ev }) => ev)
  const segments = (kind: 'page.out' | 'page.in') =>
    events.reduce((sum, ev) => sum + (ev.kind === kind ? ev.segments : 0), 0)
  expect(family(t, 'page_outs_total')['']).toBe(segments('page.out'))
  expect(family(t, 'page_ins_total')['']).toBe(segments('page.in'))
  expect(segments('page.in')).toBe(1)
  expect(segments('page.out')).toBeGreaterThan(1)
  expect(family(t, 'oom_kills_total')).toEqual({ '': 1 })
  expect(family(t, 'mem_resident_tokens')).toEqual({ '': 0 })
})

test('awaits of what is no call', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    await sys.sleep(1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    await sys.sleep(1)
  })
  expect(family(t, 'foreign_awaits_total')).toEqual({ '': 1 })
})

test('stretches of over 250 ms on the thread', async () => {
  let nowMs = 0
  const t = testKernel({ powers: { ...nodePowers(), monotonicMs: () => nowMs } })
  await runRoot(t, async (sys) => {
    for (const ms of [250, 251, 10_000]) {
      await sys.sleep(1)
      nowMs += ms
    }
    await sys.sleep(1)
  })
  expect(family(t, 'mainloop_stall_seconds_count')).toEqual({ '': 2 })
  expect(family(t, 'mainloop_stall_seconds_sum')['']).toBeCloseTo(10.251)
})

test('counters never fall, over the ends of processes and of whole trees, and outlast the ring of events', async () => {
  const step = fc.record({
    do: fc.constantFrom('spawn', 'kill', 'mail', 'read', 'fail', 'overspend', 'remember'),
    n: fc.nat(20),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const t = testKernel()
      t.kernel.registerDriver(dear)
      const last = new Map<string, number>()
      const look = (): void => {
        for (const { name, labels, value } of t.kernel.metrics()) {
          const isGauge = /_(processes|length|depth|parked|caps|resident_tokens)$/.test(name)
          const key = JSON.stringify([name, labels])
          if (!isGauge) expect(value, key).toBeGreaterThanOrEqual(last.get(key) ?? 0)
          last.set(key, value)
        }
        for (const key of last.keys()) if (key.includes('_total')) expect(seen(t, key), key).toBe(true)
      }
      await runRoot(
        t,
        async (sys) => {
          const { devices } = (await sys.recv<BootGrant>()).body
          const kids: CapRef[] = []
          for (const { do: what, n } of steps) {
            await act(sys, what, n, kids, devices.dear!).catch(() => undefined)
            look()
          }
        },
        { grant: ['dear'], quota: { tokens: 10_000 } },
      )
      look()
    }),
  )
})

function seen(t: TestKernel, key: string): boolean {
  return t.kernel.metrics().some(({ name, labels }) => JSON.stringify([name, labels]) === key)
}

async function act(sys: Sys, what: string, n: number, kids: CapRef[], device: CapRef): Promise<void> {
  const kid = kids[n % Math.max(1, kids.length)]
  const ask = (name: string, cost: unknown) =>
    image(name, async (inner) => {
      await inner.read(await inner.open((await inner.recv()).caps[0]!), cost)
    })
  if (what === 'spawn') kids.push((await sys.spawn(image(`kid${n % 3}`, stay.main))).cap)
  else if (what === 'kill' && kid) await sys.signal(kid)
  else if (what === 'mail' && kid) await sys.send(kid, n)
  else if (what === 'read') await sys.spawn(ask('reader', { tokens: n, usd: n / 100 }), { caps: [device] })
  else if (what === 'fail') await sys.spawn(ask('failing', 'bad'), { caps: [device] })
  else if (what === 'overspend')
    await sys.spawn(ask('greedy', { tokens: n + 5 }), { caps: [device], quota: { tokens: 1 } })
  else if (what === 'remember') await sys.remember('x', { tokens: n + 1 })
  await sys.sleep(1)
}

test('names without end do not make series without end: past a thousand they count together', async () => {
  const t = testKernel()
  t.kernel.registerDriver(dear)
  const count = 1500
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      const spender = async (inner: Sys): Promise<void> => {
        await inner.read(await inner.open((await inner.recv()).caps[0]!), { tokens: 1 })
        await inner.recv({ corr: 'never' as never })
      }
      for (let n = 0; n < count; n++) {
        const { cap } = await sys.spawn(image(`agent ${n}`, spender), { caps: [devices.dear!] })
        await sys.send(cap, 'mail')
      }
      await sys.sleep(1)
      const tokens = family(t, 'tokens_total')
      expect(Object.keys(tokens)).toHaveLength(1001)
      expect(tokens['dear agent 999']).toBe(1)
      expect(tokens['dear other']).toBe(count - 1000)
      expect(family(t, 'mailbox_depth')).toMatchObject({ 'agent 0': 1, other: count - 1000 })
    },
    { grant: ['dear'] },
  )
  const tokens = family(t, 'tokens_total')
  expect(Object.values(tokens).reduce((sum, one) => sum + one, 0)).toBe(count)
  expect(t.kernel.metricsText().split('\n').length).toBeLessThan(5000)
})

test('a label says what it was given, whatever that is, on one line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (words, value) => {
      fc.pre(!words.includes('\u0000'))
      const metrics = new Metrics()
      metrics.add('spawns_total', 1)
      metrics.add('syscall_errors_total', value, words, 'E')
      const lines = metrics.text().split('\n')
      const found = lines.filter((line) => line.startsWith('signalbox_kernel_syscall_errors_total'))
      const [, label = '', amount] =
        /name="((?:[^"\\\n]|\\[\\"n])*)",code="E"\} (\d+)$/.exec(found[0] ?? '') ?? []
      expect(found).toHaveLength(1)
      const read = label.replaceAll(/\\([\\"n])/g, (_, one: string) => (one === 'n' ? '\n' : one))
      expect([read, Number(amount)]).toEqual([words, value])
    }),
  )
})
