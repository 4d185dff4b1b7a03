import { describe, expect, test } from 'vitest'
import type { BootGrant, Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { image, runRoot, type TestKernel, testKernel } from '../../kernel/test-kernel.ts'
import { lookup, nameService, register, unregister } from './name-service.ts'

/** A root with a running broker. */
async function served(
  main: (sys: Sys, service: CapRef, t: TestKernel, devices: BootGrant['devices']) => Promise<void>,
  options: { maxEntries?: number; grant?: string[] } = {},
): Promise<void> {
  const t = testKernel()
  t.kernel.registerAuthority('dev')
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      const { cap } = await sys.spawn(nameService(options))
      await main(sys, cap, t, devices)
      await sys.term(cap)
      expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
    },
    { grant: options.grant ?? [] },
  )
}

const echo = image('echo', async (sys) => {
  const service = (await sys.recv()).caps[0]!
  await register(sys, service, 'echo', sys.selfCap())
  for (;;) {
    const message = await sys.recv()
    if (message.body === 'stop') return
    await sys.send(message.caps[0]!, message.body)
  }
})

test('hands out send-only capabilities to what is registered, and drops them with its end', async () => {
  await served(async (sys, service) => {
    expect(await lookup(sys, service, 'echo')).toBeUndefined()
    await sys.spawn(echo, { caps: [service] })
    await sys.sleep(1)
    const found = (await lookup(sys, service, 'echo'))!
    await sys.send(found, 'hello', { caps: [sys.selfCap()] })
    const answer = await sys.recv()
    expect(answer.body).toBe('hello')
    await expect(sys.signal(found)).rejects.toMatchObject({ code: 'ECAP' })
    await expect(sys.monitor(found)).rejects.toMatchObject({ code: 'ECAP' })
    await sys.send(found, 'stop')
    await sys.sleep(1)
    expect(await lookup(sys, service, 'echo')).toBeUndefined()
  })
})

test('a name belongs to who registered it, until its end', async () => {
  await served(async (sys, service) => {
    const rival = image('rival', async (inner, args) => {
      const at = (await inner.recv()).caps[0]!
      const attempt =
        args === 'take' ? register(inner, at, 'svc', inner.selfCap()) : unregister(inner, at, 'svc')
      await attempt
    })
    await register(sys, service, 'svc', sys.selfCap())
    for (const [args, error] of [
      ['take', 'the name is held'],
      ['drop', 'the name is held by another process'],
    ]) {
      const { cap } = await sys.spawn(rival, { args, caps: [service] })
      expect(await sys.waitpid(cap)).toEqual({ kind: 'fault', error })
    }
    await register(sys, service, 'svc', sys.derive(sys.selfCap(), ['send', 'monitor']))
    await unregister(sys, service, 'svc')
    await unregister(sys, service, 'svc')
    const { cap } = await sys.spawn(rival, { args: 'take', caps: [service] })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    expect(await lookup(sys, service, 'svc')).toBeUndefined()
  })
})

test('revoking what was registered takes back every copy', async () => {
  await served(async (sys, service) => {
    const self = sys.selfCap()
    const lent = sys.derive(self, ['send', 'monitor'])
    await register(sys, service, 'me', lent)
    const found = (await lookup(sys, service, 'me'))!
    await sys.send(found, 1)
    expect((await sys.recv()).body).toBe(1)
    sys.revoke(lent)
    await expect(sys.send(found, 2)).rejects.toMatchObject({ code: 'ECAP' })
    expect(await lookup(sys, service, 'me')).toBeUndefined()
    await register(sys, service, 'me', self)
  })
})

test('a name whose capability was taken back is free for others at once', async () => {
  await served(async (sys, service) => {
    const lent = sys.derive(sys.selfCap(), ['send'])
    await register(sys, service, 'svc', lent)
    sys.revoke(lent)
    const heir = image('heir', async (inner) => {
      await register(inner, (await inner.recv()).caps[0]!, 'svc', inner.selfCap())
      await inner.recv()
    })
    await sys.spawn(heir, { caps: [service] })
    await sys.sleep(1)
    const found = await lookup(sys, service, 'svc')
    if (!found) throw new Error('nobody took the name')
    await sys.send(found, 'bye')
    await sys.sleep(1)
    expect(await lookup(sys, service, 'svc')).toBeUndefined()
  })
})

test('has room for ten thousand names, and for no more, unless told otherwise', async () => {
  await served(async (sys, service) => {
    const cap = sys.selfCap()
    for (let n = 0; n < 10_000; n++) await register(sys, service, `n${n}`, cap)
    await expect(register(sys, service, 'one more', cap)).rejects.toMatchObject({ code: 'EDENIED' })
    await register(sys, service, 'n7', cap)
  })
})

test('hands out other rights where it was given them, never more', async () => {
  await served(
    async (sys, service, t, devices) => {
      await register(sys, service, 'disk', devices.dev!, { rights: ['open'] })
      const found = (await lookup(sys, service, 'disk'))!
      expect(
        t.kernel
          .caps(sys.self())
          .filter((row) => row.target === 'dev')
          .map((row) => row.rights),
      ).toEqual([['open'], ['open']])
      expect(() => sys.derive(found, ['open'])).not.toThrow()
      const narrow = sys.derive(sys.selfCap(), ['monitor'])
      await expect(register(sys, service, 'narrow', narrow)).rejects.toMatchObject({ code: 'EDENIED' })
      expect(await lookup(sys, service, 'narrow')).toBeUndefined()
    },
    { grant: ['dev'] },
  )
})

describe('hostile clients', () => {
  test.each([[''], ['a\u0000b'], ['x'.repeat(257)], ['é'.repeat(129)]])(
    'a bad name is refused',
    async (name) => {
      await served(async (sys, service) => {
        await expect(register(sys, service, name, sys.selfCap())).rejects.toMatchObject({ code: 'EINVAL' })
        await expect(lookup(sys, service, name)).rejects.toMatchObject({ code: 'EINVAL' })
      })
    },
  )

  test('names are compared in their normal form', async () => {
    await served(async (sys, service) => {
      await register(sys, service, 'caf\u00e9', sys.selfCap())
      expect(await lookup(sys, service, 'cafe\u0301')).toBeDefined()
    })
  })

  test('garbage, missing and dead capabilities change nothing, and what came along is given back', async () => {
    await served(async (sys, service, t) => {
      const self = sys.selfCap()
      const before = t.kernel.caps().length
      const bodies = [
        null,
        7,
        'name.lookup',
        { $: 'name.lookup' },
        { $: 'name.lookup', name: 7 },
        { $: 'name.register', name: 'x', rights: 'all' },
        { $: '__proto__', name: 'x' },
        { $: 'term', from: 0 },
        { $: 'down', pid: sys.self(), reason: { kind: 'normal' } },
        [[[]]],
      ]
      for (const body of bodies) {
        await sys.send(service, body)
        await sys.send(service, body, { caps: [self, self, self] })
      }
      await sys.sleep(1)
      while (await sys.recv({ timeoutMs: 0 }).catch(() => undefined));
      expect(t.kernel.caps()).toHaveLength(before)
      expect(await lookup(sys, service, 'x')).toBeUndefined()
    })
  })

  test('what a body names, by pid, reference or kernel name, is not acted on: only what came as a capability', async () => {
    await served(async (sys, service, t) => {
      const { cap: secret, pid } = await sys.spawn(image('secret', (inner) => inner.sleep(1000)))
      sys.register('known-to-the-kernel')
      expect(await lookup(sys, service, 'known-to-the-kernel')).toBeUndefined()
      const reply = sys.derive(sys.selfCap(), ['send'])
      const before = t.kernel.caps().filter((row) => row.target === String(pid)).length
      for (const claim of [
        { pid },
        { cap: secret },
        { caps: [secret] },
        { given: secret, handout: secret },
      ]) {
        await sys.send(service, { $: 'name.register', name: 'stolen', ...claim }, { caps: [reply] })
        expect((await sys.recv()).body).toMatchObject({ ok: false, code: 'EINVAL' })
      }
      expect(await lookup(sys, service, 'stolen')).toBeUndefined()
      expect(t.kernel.caps().filter((row) => row.target === String(pid))).toHaveLength(before)
      await sys.signal(secret)
    })
  })

  test('a client that never reads its answers holds up nobody', async () => {
    await served(async (sys, service) => {
      const deaf = image('deaf', async (inner) => {
        const at = (await inner.recv()).caps[0]!
        const reply = inner.selfCap()
        for (let i = 0; i < 50; i++) await inner.send(at, { $: 'name.lookup', name: 'x' }, { caps: [reply] })
        await inner.sleep(100_000)
      })
      const { cap } = await sys.spawn(deaf, { caps: [service], quota: { maxMailbox: 1 } })
      await sys.sleep(5)
      const from = sys.now()
      await register(sys, service, 'mine', sys.selfCap())
      expect(sys.now()).toBe(from)
      await sys.signal(cap)
    })
  })

  test('is full at its limit', async () => {
    await served(
      async (sys, service) => {
        await register(sys, service, 'a', sys.selfCap())
        await register(sys, service, 'b', sys.selfCap())
        await expect(register(sys, service, 'c', sys.selfCap())).rejects.toMatchObject({ code: 'EDENIED' })
        await register(sys, service, 'b', sys.selfCap())
        await unregister(sys, service, 'a')
        await register(sys, service, 'c', sys.selfCap())
      },
      { maxEntries: 2 },
    )
  })

  test('nobody else can answer for the service, and a service that does not answer times out', async () => {
    const t = testKernel()
    await runRoot(t, async (sys) => {
      const { cap: mute } = await sys.spawn(image('mute', (inner) => inner.sleep(100_000)))
      const forger = image('forger', async (inner) => {
        const victim = (await inner.recv()).caps[0]!
        for (let i = 0; i < 20; i++) {
          await inner.send(victim, { ok: true }, { corr: `m${i}` as never })
          await inner.sleep(10)
        }
      })
      await sys.spawn(forger, { caps: [sys.selfCap()] })
      await expect(lookup(sys, mute, 'x', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
      expect(sys.now()).toBe(300)
    })
  })
})
