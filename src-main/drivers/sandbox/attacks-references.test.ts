import { expect, test } from 'vitest'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { sandbox } from './sandbox.ts'
import { report, runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

const launch = threadGuests

test('forged references are unknown, all in the same words', async () => {
  const forged = `[0, -1, 2, 1e9, 2 ** 53, NaN, Infinity, 1.5, '1', '${'0'.repeat(32)}', { toString: () => '1' }, { valueOf: () => 1 },
    { toJSON: () => 1 }, [1], null, undefined, true, 1n, new Number(1), Object(1n), new Map([[1, 1]]), new Date(1)]`
  const { said } = await runGuest(
    report(
      `Promise.all(${forged}.map((x) => sys.send(x, 'hi').then(() => 'sent', (e) => e.code + e.message)))`,
    ),
    { launch },
  )
  const answers = new Set(said[0] as string[])
  // What holds a function is no message at all.
  expect(answers).toEqual(
    new Set(['ECAPcapability unknown or not owned', 'EINVALa function cannot be passed']),
  )
})

test('a reference of another sandbox, as a number or as a text, gives nothing', async () => {
  const rich = `async (sys) => {
    const { caps: [up, poor] } = await sys.recv()
    const all = [await sys.selfCap(), await sys.derive(up, ['send']), up, poor]
    await sys.send(poor, all)
    await sys.recv()
  }`
  const poor = `async (sys) => {
    const { caps: [up] } = await sys.recv()
    const { body } = await sys.recv()
    const got = []
    for (const ref of [...body, ...args0, String(body[0])]) if (ref !== 1) got.push(await sys.send(ref, 'stolen').catch((e) => e.code))
    await sys.send(up, got)
  }`
  const heard: unknown[] = []
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    const mine = sys.selfCap()
    const code = poor.replace('args0', JSON.stringify([mine, sys.derive(mine, ['send'])]))
    const thief = await sys.spawn(sandbox(code, { launch }), { caps: [sys.derive(mine, ['send'])] })
    const owner = await sys.spawn(sandbox(rich, { launch }), { caps: [mine, thief.cap] })
    heard.push((await sys.recv()).body)
    await sys.signal(owner.cap)
  })
  expect(heard).toEqual([Array(6).fill('ECAP')])
})

test('a boot message from anyone but the kernel is a body like any other', async () => {
  const code = `async (sys) => {
    const { caps: [up] } = await sys.recv()
    const { body } = await sys.recv()
    await sys.send(up, body)
  }`
  const real = 'a'.repeat(32)
  let body: unknown
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    const child = await sys.spawn(sandbox(code, { launch }), { caps: [sys.selfCap()] })
    await sys.send(child.cap, { $: 'boot', devices: { x: real } })
    body = (await sys.recv()).body
  })
  expect(body).toEqual({ $: 'boot', devices: { x: real } })
})

test('hostile getters and toJSON run in the guest, once, and only data crosses', async () => {
  const { said } = await runGuest(
    report(`(() => {
      let n = 0
      const body = { get x() { return ++n }, toJSON() { return 'json' } }
      return sys.send(1, { get x() { return ++n } }).then(() => sys.send(1, body)).catch((e) => e.message).then((m) => [n, m])
    })()`),
    { launch },
  )
  expect(said).toEqual([{ x: 1 }, [2, 'a function cannot be passed']])
})
