import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { ProcessImage, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { Pid } from './ids.ts'
import { eventsFromStore, MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { codeOf, sharedKey } from './remote-pair.fixture.ts'
import { image } from './test-kernel.ts'

const key = { transportKey: sharedKey }

/** Answers what it is asked, and ends when it is told to. */
const server = image('server', async (sys) => {
  await sys.recv()
  for (;;) {
    const { body, remote, from } = await sys.recv<unknown>()
    if (from === 0 && !remote) continue
    sys.log('info', 'asked', { body, remote })
    if (body === 'end') return
    if (remote) await sys.send(sys.dial(remote.node, remote.pid), { answer: body })
  }
})

const worker = image('worker', async (sys, given) => {
  const { args, reply } = given as { args: unknown; reply: never }
  sys.log('info', 'worker', { args })
  await sys.send(reply, { did: args })
})

/** Dials, sends, is refused, spawns there: and logs all that it learns. */
const client = image('client', async (sys: Sys) => {
  await sys.recv()
  const note = (what: string, value: unknown): void => sys.log('info', what, { value })
  const target = sys.dial('b', 1 as Pid)
  for (let i = 0; i < 3; i++) {
    await sys.send(target, { i })
    note('answer', (await sys.recv()).body)
  }
  note('nobody', await codeOf(sys.send(sys.dial('b', 999 as Pid), 1)))
  note('no route', await codeOf((async () => sys.dial('nowhere', 1 as Pid))()))
  note('no image', await codeOf(sys.spawnRemote('b', 'none')))
  await sys.spawnRemote('b', 'worker', { n: 5 })
  note('worker', (await sys.recv()).body)
  await sys.send(target, 'end')
})

/** Both ends recorded while they talk; carriers hand over in turns of their own, as sockets do. */
async function talk(clocks: () => VirtualClock | ReturnType<typeof nodeClock>) {
  const stores = { a: new MemoryStore(), b: new MemoryStore() }
  const kernelOf = (node: 'a' | 'b'): Kernel =>
    new Kernel({
      clock: clocks(),
      powers: nodePowers(),
      node,
      ...key,
      mode: 'record',
      store: stores[node],
    })
  const a = kernelOf('a')
  const b = kernelOf('b')
  let carried = 0
  const carry = (to: Kernel) => (envelope: unknown) => {
    carried++
    return new Promise<ReturnType<Kernel['receive']>>((resolve) => {
      setImmediate(() => resolve(to.receive(JSON.parse(JSON.stringify(envelope)))))
    })
  }
  a.connect('b', carry(b))
  b.connect('a', carry(a))
  b.registerImage('worker', worker, { quota: { tokens: 7 } })
  const served = b.boot(server, { grant: [], quota: { tokens: 100 } })
  const asked = a.boot(client, { grant: [], quota: {} })
  expect(await asked).toEqual({ kind: 'normal' })
  expect(await served).toEqual({ kind: 'normal' })
  await Promise.all([a.shutdown(0), b.shutdown(0)])
  return { stores, carried: () => carried }
}

async function replay(store: MemoryStore, program: ProcessImage): Promise<Kernel> {
  const copy = new MemoryStore()
  for (const record of store.read()) copy.append(record)
  const kernel = Kernel.replayFrom(copy, {
    powers: nodePowers(),
    images: { worker, [program.name]: program },
  })
  void kernel
    .boot(program, { grant: [], quota: program === server ? { tokens: 100 } : {} })
    .catch(() => undefined)
  await kernel.replayed()
  return kernel
}

/** What a kernel's processes saw, without what is told only to the host. */
function story(events: readonly { readonly pid?: Pid; readonly ev: { readonly kind: string } }[]): string[] {
  return events.filter(({ ev }) => ev.kind !== 'ingress.drop').map(({ pid, ev }) => JSON.stringify([pid, ev]))
}

test.each([
  ['real', nodeClock],
  ['virtual', () => new VirtualClock()],
] as const)(
  'both ends of a talk replay without the other and without a route (%s time)',
  async (_name, clocks) => {
    const { stores, carried } = await talk(clocks)
    const before = carried()
    for (const [store, program] of [
      [stores.a, client],
      [stores.b, server],
    ] as const) {
      const again = await replay(store, program)
      const told = story(eventsFromStore(store))
      expect(story(again.events())).toEqual(told)
      expect(told.length).toBeGreaterThan(10)
    }
    expect(carried()).toBe(before)
  },
)

test('a message that was not the recorded one is found', async () => {
  const { stores } = await talk(() => new VirtualClock())
  const other = image('client', async (sys) => {
    await sys.recv()
    await sys.send(sys.dial('b', 1 as Pid), { i: 'changed' })
  })
  await expect(replay(stores.a, other)).rejects.toMatchObject({ code: 'EDIVERGE' })
})
