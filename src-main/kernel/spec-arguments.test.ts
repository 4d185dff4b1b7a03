import { expect, test } from 'vitest'
import type { BootGrant, Right, Sys } from './abi.ts'
import { copyBody } from './copy.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

/** §4.2: what a caller hands over is read once, copied, and cannot act in the middle of the call that reads it. */

const FOREVER = image('forever', async (sys) => {
  for (;;) await sys.recv()
})

/** A list whose own methods are the caller's. */
function rigged<T>(items: T[], own: object): T[] {
  return Object.assign([...items], own)
}

test('a list of the caller gets to run none of its own methods over what is the kernel’s', async () => {
  const t = testKernel()
  const seen: unknown[] = []
  const spy = {
    map: (fn: (item: unknown) => unknown) => {
      seen.push(fn)
      return []
    },
  }
  t.kernel.registerDriver({ name: 'dev', open: () => ({ read: (request) => ({ value: request }) }) })
  await runRoot(
    t,
    async (sys) => {
      const { body } = await sys.recv<BootGrant>()
      const dev = body.devices.dev as CapRef
      const handle = await sys.open(dev)
      const { pid, cap } = await sys.spawn(FOREVER, { caps: rigged([dev], spy) })
      expect(t.kernel.caps(pid)).toHaveLength(1)
      expect(await sys.readAll(handle, rigged([1, 2], spy))).toEqual([1, 2])
      await sys.send(cap, 'x', { caps: rigged([dev], spy) })
      sys.derive(dev, rigged<Right>(['open'], spy))
    },
    { grant: ['dev'] },
  )
  expect(seen).toEqual([])
})

test('a capability that dies while it is being narrowed leaves nothing alive', async () => {
  const t = testKernel()
  t.kernel.registerDriver({ name: 'dev', open: () => ({ read: () => ({ value: 1 }) }) })
  const revokers: ((sys: Sys, ref: CapRef) => unknown)[] = [
    (sys, ref) =>
      sys.derive(
        ref,
        rigged<Right>(['open'], {
          *[Symbol.iterator]() {
            sys.revoke(ref)
            yield 'open'
          },
        }),
      ),
    (sys, ref) =>
      sys.attenuate(ref, {
        get expiresInMs() {
          sys.revoke(ref)
          return 50
        },
      }),
    (sys, ref) =>
      sys.attenuate(ref, {
        rights: rigged<Right>(['open'], {
          *[Symbol.iterator]() {
            sys.revoke(ref)
            yield 'open'
          },
        }),
      }),
  ]
  await runRoot(
    t,
    async (sys) => {
      const { body } = await sys.recv<BootGrant>()
      for (const narrow of revokers) {
        const own = sys.derive(body.devices.dev as CapRef, ['open'])
        expect(() => narrow(sys, own)).toThrow(expect.objectContaining({ code: 'ECAP' }))
        expect(t.kernel.caps(sys.self())).toHaveLength(1)
      }
    },
    { grant: ['dev'] },
  )
})

test('a body that ends its receiver while it is read is sent to nobody, and nothing is left with the dead', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap, pid } = await sys.spawn(FOREVER)
    await sys.sleep(1)
    const body = {
      get x() {
        void sys.signal(cap)
        return 1
      },
    }
    await expect(sys.send(cap, body, { caps: [sys.selfCap()] })).rejects.toMatchObject({ code: 'ESRCH' })
    expect(t.kernel.isAlive(pid)).toBe(false)
    expect(t.kernel.caps(pid)).toEqual([])
  })
  expect(t.kernel.caps()).toEqual([])
})

/** Every call that reads something of the caller's that can run code. */
const READERS: Record<
  string,
  (sys: Sys, trap: object, own: { dev: CapRef; handle: CapRef; peer: CapRef }) => unknown
> = {
  send: (sys, trap, { peer }) => sys.send(peer, trap),
  'send options': (sys, trap, { peer, dev }) => sys.send(peer, 1, Object.assign(trap, { caps: [dev] })),
  spawn: (sys, trap) => sys.spawn(FOREVER, { args: trap }),
  'spawn options': (sys, trap) => sys.spawn(FOREVER, trap),
  'spawn quota': (sys, trap) => sys.spawn(FOREVER, { quota: trap }),
  open: (sys, trap, { dev }) => sys.open(dev, trap),
  read: (sys, trap, { handle }) => sys.read(handle, trap),
  readAll: (sys, trap, { handle }) => sys.readAll(handle, [trap]),
  write: (sys, trap, { handle }) => sys.write(handle, trap),
  'send to a handle': (sys, trap, { handle }) => sys.send(handle, trap),
  remember: (sys, trap) => sys.remember(trap),
  'remember options': (sys, trap) => sys.remember(1, trap),
  recv: (sys, trap) => sys.recv(trap),
  attenuate: (sys, trap, { dev }) => sys.attenuate(dev, trap),
  sched: (sys, trap) => sys.sched(trap),
  log: (sys, trap) => sys.log('info', 'x', { trap }),
  signal: (sys, trap, { peer }) => sys.signal(peer, trap as never),
}

for (const [name, call] of Object.entries(READERS)) {
  test(`${name}: a caller that ends while its arguments are read does nothing more`, async () => {
    const t = testKernel()
    const done: unknown[] = []
    t.kernel.registerDriver({
      name: 'dev',
      prepaid: { toolCalls: 1 },
      open(_owner, params) {
        if (params !== undefined) done.push('open')
        return { read: () => ({ value: done.push('read') }), write: () => ({ value: done.push('write') }) }
      },
    })
    const victim = image('victim', async (sys) => {
      const [dev, peer] = (await sys.recv()).caps as [CapRef, CapRef]
      const handle = await sys.open(dev)
      const end = (): undefined => {
        void sys.exit()
        return undefined
      }
      const trap = {}
      const keys = 'x caps corr deadline args quota link priority mayRaise wallMs tokens mem pin rights'
      for (const key of `${keys} expiresInMs timeoutMs kind toolCalls maxMailbox children`.split(' '))
        Object.defineProperty(trap, key, {
          get: end,
          enumerable: true,
          configurable: true,
          set: () => undefined,
        })
      try {
        await call(sys, trap, { dev, handle, peer })
      } catch {
        // A call that answers at once may throw: nobody is left to care.
      }
      done.push('ran on')
    })
    await runRoot(
      t,
      async (sys) => {
        const { body } = await sys.recv<BootGrant>()
        const peer = await sys.spawn(FOREVER, { quota: { maxMailbox: 9 } })
        const before = sys.budget()
        const { cap, pid } = await sys.spawn(victim, { caps: [body.devices.dev as CapRef, peer.cap] })
        expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
        await sys.sleep(1)
        expect(t.kernel.caps(pid)).toEqual([])
        expect(t.kernel.ps().map((row) => row.name)).toEqual(['root', 'forever'])
        expect(sys.budget()).toEqual(before)
      },
      { grant: ['dev'], quota: { tokens: 10, toolCalls: 10, children: 9, mem: 99 } },
    )
    await settled()
    expect(done.filter((one) => one !== 'ran on')).toEqual([])
    expect(t.kernel.caps()).toEqual([])
  })
}

test('bytes with methods of their own are copied by the kernel’s', () => {
  const shared = new ArrayBuffer(8)
  const bytes = Object.assign(new ArrayBuffer(8), { slice: () => shared })
  expect(copyBody(bytes)).not.toBe(shared)
  const view = Object.defineProperty(new Uint8Array([1, 2, 3]), 'buffer', { value: bytes })
  const copy = copyBody(view) as Uint8Array
  expect(copy).toHaveLength(3)
  expect(copy.buffer).not.toBe(shared)
  const born = Object.assign(new ArrayBuffer(8), { constructor: { [Symbol.species]: () => shared } })
  expect(copyBody(born)).not.toBe(shared)
  const data = Object.defineProperty(new DataView(new ArrayBuffer(4)), 'buffer', { value: bytes })
  expect((copyBody(data) as DataView).buffer).not.toBe(shared)
})
