import { expect, test } from 'vitest'
import type { Message, SpawnOptions, Sys } from './abi.ts'
import type { CapRef, MsgId } from './ids.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

/** §7: mailboxes, names, back-pressure. */

async function drained(sys: Sys): Promise<unknown[]> {
  const got: unknown[] = []
  for (;;) {
    const message = await sys.recv({ timeoutMs: 0 }).catch(() => undefined)
    if (!message) return got
    got.push(message.body)
  }
}

test('every kind of data arrives as what it was', async () => {
  const body = {
    date: new Date(5),
    map: new Map<unknown, unknown>([['k', new Set([1, 'two'])]]),
    big: 2n ** 80n,
    bytes: new Uint16Array([1, 65_535]),
    buffer: new Uint8Array([7]).buffer,
    nothing: undefined,
    nan: Number.NaN,
    list: [null, [true]],
  }
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    await sys.send(sys.selfCap(), body)
    const message = await sys.recv()
    expect(message.body).toEqual(body)
    expect(message.body).not.toBe(body)
  })
})

test.each<[string, () => unknown]>([
  ['a function', () => () => 1],
  ['a symbol', () => Symbol('x')],
  ['a class instance', () => new (class Thing {})()],
  ['an error', () => new Error('x')],
  ['a promise', () => Promise.resolve()],
  ['shared memory', () => new SharedArrayBuffer(8)],
  ['a view of shared memory', () => new Uint8Array(new SharedArrayBuffer(8))],
  ['a cycle', () => Object.assign([] as unknown[], { 0: null }).map((_, __, all) => all)],
  ['a function deep inside', () => new Map([['a', [{ b: () => 1 }]]])],
])('%s is EINVAL, and nothing is sent', async (_name, make) => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const made = make()
  const body = Array.isArray(made) ? cyclic : made
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    await expect(sys.send(sys.selfCap(), body)).rejects.toMatchObject({ code: 'EINVAL' })
    expect(await drained(sys)).toEqual([])
  })
})

test('waiting calls of one process are served in their order, and those with a corr get only theirs', async () => {
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    const self = sys.selfCap()
    const got: unknown[] = []
    const note = (who: string) => (message: Message) => got.push([who, message.body])
    const calls = [
      sys.recv().then(note('first')),
      sys.recv({ corr: 'm77' as MsgId }).then(note('reply')),
      sys.recv().then(note('second')),
    ]
    await sys.send(self, 1)
    await sys.send(self, 2)
    await sys.send(self, 3)
    await sys.send(self, 4, { corr: 'm77' as MsgId })
    await Promise.all(calls)
    expect(got).toEqual([
      ['first', 1],
      ['second', 2],
      ['reply', 4],
    ])
    expect(await drained(sys)).toEqual([3])
  })
})

test('who waited gets in before who comes later', async () => {
  await runRoot(testKernel(), async (sys) => {
    const sink = image('sink', async (inner) => {
      await inner.sleep(10)
      const got: unknown[] = []
      for (let i = 0; i < 6; i++) {
        got.push((await inner.recv()).body)
        await inner.yield()
      }
      expect(got).toEqual(['a0', 'a1', 'b0', 'a2', 'b1', 'b2'])
    })
    const { cap } = await sys.spawn(sink, { quota: { maxMailbox: 1 } })
    const source = (name: string) =>
      image(name, async (inner) => {
        const to = (await inner.recv()).caps[0] as CapRef
        for (let i = 0; i < 3; i++) await inner.send(to, `${name}${i}`)
      })
    for (const name of ['a', 'b']) await sys.spawn(source(name), { caps: [cap] })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('a killed sender takes its parked message back', async () => {
  await runRoot(testKernel(), async (sys) => {
    const sink = image('sink', async (inner) => {
      await inner.sleep(20)
      expect(await drained(inner)).toEqual(['there'])
    })
    const { cap } = await sys.spawn(sink, { quota: { maxMailbox: 1 } })
    await sys.send(cap, 'there')
    const sender = image('sender', async (inner) => {
      await inner.send((await inner.recv()).caps[0] as CapRef, 'never')
    })
    const parked = await sys.spawn(sender, { caps: [cap] })
    await sys.sleep(5)
    await sys.signal(parked.cap)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('capabilities in a mailbox go with its owner', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap, pid } = await sys.spawn(image('never reads', (inner) => inner.sleep(1000)))
    const token = sys.derive(sys.selfCap(), [])
    for (let i = 0; i < 5; i++) await sys.send(cap, i, { caps: [token, cap] })
    expect(t.kernel.caps(pid)).toHaveLength(10)
    await sys.signal(cap)
    expect(t.kernel.caps(pid)).toEqual([])
  })
  expect(t.kernel.caps()).toEqual([])
})

test('names: normalised, first come, several each, free again; taking one’s own twice is nothing', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const composed = 'caf\u00e9'
    const decomposed = 'cafe\u0301'
    sys.register(composed)
    sys.register(decomposed)
    sys.register('another')
    sys.register('x'.repeat(256))
    expect(await sys.lookup(decomposed)).toBeTypeOf('string')
    const rival = image('rival', async (inner) => {
      for (const name of [composed, decomposed, 'another'])
        expect(() => inner.register(name)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
      inner.unregister(composed)
      expect(await inner.lookup(composed)).toBeDefined()
    })
    const { cap } = await sys.spawn(rival)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    sys.unregister(decomposed)
    expect(await sys.lookup(composed)).toBeUndefined()
    for (const bad of ['', 'x'.repeat(257), 'a\nb', '\u0085', 5 as never])
      expect(() => sys.register(bad)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })
})

test('each lookup is a root of its own: revoking one leaves the others', async () => {
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    sys.register('me')
    const first = (await sys.lookup('me')) as CapRef
    const second = (await sys.lookup('me')) as CapRef
    expect(first).not.toBe(second)
    sys.revoke(first)
    await expect(sys.send(first, 1)).rejects.toMatchObject({ code: 'ECAP' })
    await sys.send(second, 2)
    expect((await sys.recv()).body).toBe(2)
  })
})

test('term comes last in the queue, from pid 0, saying who asked; ignoring it is legal', async () => {
  await runRoot(testKernel(), async (sys) => {
    const heard: unknown[] = []
    const deaf = image('deaf', async (inner) => {
      await inner.sleep(5)
      for (let i = 0; i < 2; i++) {
        const { from, body } = await inner.recv()
        heard.push([from, body])
      }
      await inner.sleep(5)
    })
    const { cap } = await sys.spawn(deaf, { quota: { maxMailbox: 1 } })
    await sys.send(cap, 'before')
    await sys.term(cap)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    expect(heard).toEqual([
      [sys.self(), 'before'],
      [0, { $: 'term', from: sys.self() }],
    ])
  })
})

test('a deadline admits at its very moment and not after', async () => {
  await runRoot(testKernel(), async (sys) => {
    for (const [wait, expected] of [
      [10, ['x']],
      [10.001, []],
    ] as const) {
      const sink = image('sink', async (inner) => {
        await inner.sleep(wait)
        expect(await drained(inner)).toEqual(expected)
      })
      const { cap } = await sys.spawn(sink)
      await sys.send(cap, 'x', { deadline: sys.now() + 10 })
      expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    }
  })
})

test('options are taken as they are when the call is made', async () => {
  await runRoot(testKernel(), async (sys) => {
    const asked: string[] = []
    const options = new Proxy({ args: [1], priority: 0, quota: { tokens: 5 } } as SpawnOptions, {
      get(target, key) {
        asked.push(String(key))
        return Reflect.get(target, key) as unknown
      },
    })
    await sys.spawn(
      image('child', async () => undefined),
      options,
    )
    expect(asked.length).toBe(new Set(asked).size)
  })
})
