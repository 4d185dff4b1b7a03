import { expect, test } from 'vitest'
import type { Sys } from '../kernel/abi.ts'
import { runRoot, testKernel } from '../kernel/test-kernel.ts'
import { kvDriver } from './kv-driver.ts'
import { toolDriver } from './tool-driver.ts'

/** Runs a body with one driver's handle under a real kernel. */
async function withDevice(
  driver: ReturnType<typeof kvDriver>,
  body: (sys: Sys, handle: Parameters<Sys['read']>[0]) => Promise<void>,
  quota = {},
) {
  const test = testKernel()
  test.kernel.registerDriver(driver)
  const main = async (sys: Sys): Promise<void> => {
    const boot = await sys.recv<{ devices: Record<string, Parameters<Sys['open']>[0]> }>()
    const device = boot.body.devices[driver.name]
    if (device) await body(sys, await sys.open(device))
  }
  return runRoot(test, main, { grant: [driver.name], quota })
}

test('a tool runs with its input and costs one call, before it runs', async () => {
  let ran = 0
  const tools = toolDriver({
    add: (input) => {
      ran++
      const { a, b } = input as { a: number; b: number }
      return a + b
    },
  })
  const reason = await withDevice(
    tools,
    async (sys, handle) => {
      expect(await sys.read(handle, { tool: 'add', input: { a: 1, b: 2 } })).toBe(3)
      expect(sys.budget().toolCalls).toBe(1)
      await sys.readAll(
        handle,
        [1, 2].map((n) => ({ tool: 'add', input: { a: n, b: n } })),
      )
    },
    { toolCalls: 2 },
  )
  expect(reason).toEqual({ kind: 'quota', resource: 'toolCalls' })
  expect(ran).toBe(1)
})

test.each(['nope', 'constructor', '__proto__', 'toString', '', 5, null, undefined, { tool: 'x' }])(
  'tool %j is unknown',
  async (tool) => {
    const tools = toolDriver({ real: () => 1 })
    const reason = await withDevice(tools, async (sys, handle) => {
      await expect(sys.read(handle, { tool })).rejects.toMatchObject({ code: 'EDRIVER' })
      await expect(sys.read(handle, tool)).rejects.toMatchObject({ code: 'EDRIVER' })
      expect(await sys.read(handle, { tool: 'real' })).toBe(1)
    })
    expect(reason).toEqual({ kind: 'normal' })
  },
)

test('a tool that throws is an error to its caller; one that runs on learns that nobody waits', async () => {
  let signal: AbortSignal | undefined
  const tools = toolDriver({
    broken: () => {
      throw new Error('no')
    },
    slow: (_, call) => {
      signal = call.signal
      return new Promise(() => undefined)
    },
  })
  await withDevice(tools, async (sys, handle) => {
    await expect(sys.read(handle, { tool: 'broken' })).rejects.toMatchObject({
      code: 'EDRIVER',
      message: 'no',
    })
    void sys.read(handle, { tool: 'slow' })
    await sys.yield()
  })
  expect(signal?.aborted).toBe(true)
})

test('a map: set, get, list, delete; copied both ways; hostile keys are keys', async () => {
  const reason = await withDevice(kvDriver(), async (sys, handle) => {
    const value = { list: [1], when: new Date(5) }
    await sys.write(handle, { set: 'a/2', value })
    await sys.write(handle, { set: 'a/10', value: 1 })
    await sys.write(handle, { set: '__proto__', value: 'odd' })
    value.list.push(2)
    const got = await sys.read<typeof value>(handle, { get: 'a/2' })
    expect(got).toEqual({ list: [1], when: new Date(5) })
    got.list.push(9)
    expect(await sys.read(handle, { get: 'a/2' })).toEqual({ list: [1], when: new Date(5) })
    expect(await sys.read(handle, { list: 'a/' })).toEqual(['a/10', 'a/2'])
    expect(await sys.read(handle, { list: '' })).toEqual(['__proto__', 'a/10', 'a/2'])
    expect(await sys.read(handle, { get: 'constructor' })).toBeUndefined()
    await sys.write(handle, { delete: 'a/2' })
    expect(await sys.read(handle, { get: 'a/2' })).toBeUndefined()
    for (const odd of [null, 5, {}, { get: 5 }, { list: null }, { get: 'x'.repeat(5000) }])
      await expect(sys.read(handle, odd)).rejects.toMatchObject({ code: 'EDRIVER' })
    for (const odd of [null, {}, { set: 5 }, { get: 'a' }])
      await expect(sys.write(handle, odd)).rejects.toMatchObject({ code: 'EDRIVER' })
  })
  expect(reason).toEqual({ kind: 'normal' })
})
