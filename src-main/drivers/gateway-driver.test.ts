import { afterEach, expect, test } from 'vitest'
import { Seals } from '../kernel/envelope.ts'
import type { Pid } from '../kernel/ids.ts'
import { codeOf, collector, kernelPair, type Pair, sharedKey } from '../kernel/remote-pair.fixture.ts'
import { image, settled } from '../kernel/test-kernel.ts'
import { gatewayDriver, secureGatewayDriver } from './gateway-driver.ts'
import { nodePowers } from './host-powers.ts'

let open: Pair | undefined
afterEach(async () => {
  await open?.close()
  open = undefined
})

/** Runs `main` in kernel a with a handle on a device. */
async function withGateway<T>(pair: Pair, main: (write: (data: unknown) => Promise<void>) => Promise<T>) {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const { pid } = pair.a.spawnHost({
    image: image('writer', async (sys) => {
      const { body } = await sys.recv<{ devices: Record<string, never> }>()
      const handle = await sys.open(body.devices.gateway as never)
      await main((data) => sys.write(handle, data)).then(resolve, reject)
    }),
    devices: ['gateway'],
  })
  return { pid, value: await promise }
}

test('a plain gateway hands on what is written, and a no is an error', async () => {
  open = kernelPair()
  const handed: unknown[] = []
  let says: boolean | undefined = true
  open.a.registerDriver(
    gatewayDriver((message) => {
      handed.push(message)
      return says
    }),
  )
  const { value } = await withGateway(open, async (write) => {
    await write({ to: 7, body: { a: 1 } })
    says = false
    const refused = await codeOf(write({ to: 7, body: 1 }))
    const bad = [
      undefined,
      1,
      {},
      { to: 0, body: 1 },
      { to: 1.5, body: 1 },
      { to: 7 },
      { to: 7, body: 1, from: 3 },
    ]
    const codes = await Promise.all(bad.map((data) => codeOf(write(data))))
    return [refused, ...codes]
  })
  expect(new Set(value)).toEqual(new Set(['EDRIVER']))
  expect(handed).toEqual([
    { to: 7, body: { a: 1 } },
    { to: 7, body: 1 },
  ])
})

test('a secure gateway seals in the name of its writer, who cannot take another or speak to the kernel', async () => {
  open = kernelPair()
  const { a, b } = open
  const seals = new Seals(nodePowers(), Date.now)
  a.registerDriver(
    secureGatewayDriver(
      (envelope) => b.ingress(JSON.parse(JSON.stringify(envelope))),
      sharedKey,
      (key, message) => seals.seal(key, message),
      { from: 'a' },
    ),
  )
  const { pid: target, seen } = collector(b)
  const forged = { $: 'agentos.message', pid: 1, node: 'b', body: 'forged' }
  const spawn = { $: 'agentos.spawn', pid: 1, node: 'b', id: '0'.repeat(32), image: 'x' }
  const { pid, value } = await withGateway(open, async (write) => {
    await write({ to: target, body: 'hello' })
    await write({ to: target, body: forged })
    return [
      await codeOf(write({ to: 0, body: spawn })),
      await codeOf(write({ to: 999 as Pid, body: 1 })),
      await codeOf(write({ to: target, body: 1n })),
    ]
  })
  expect(value).toEqual(['EDRIVER', 'EDRIVER', 'EDRIVER'])
  await settled()
  expect(seen.map(({ body, from, remote }) => ({ body, from, remote }))).toEqual([
    { body: 'hello', from: 0, remote: { node: 'a', pid } },
    { body: forged, from: 0, remote: { node: 'a', pid } },
  ])
})
