import { describe, expect, test } from 'vitest'
import type { Quota } from '../../kernel/abi.ts'
import type { MsgId } from '../../kernel/ids.ts'
import { image, runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { processGuests } from './process-guest.ts'
import { sandbox } from './sandbox.ts'
import { longestHoldMs } from './test-bombs.ts'
import { type GuestRunOptions, report, runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

/** What a guest can make the kernel keep, or do: a memory or a time bomb that goes off on our side of the wall. */

const MEMORY = { kind: 'fault', error: 'the sandbox ran out of memory' }
const HALF = `'x'.repeat(2 ** 19)`

/** What a guest came to, how long it held the main thread, and how many bytes are kept because of it. */
async function bomb(code: string, options: GuestRunOptions = {}) {
  const kernel = testKernel()
  let reason: unknown
  const heldMs = await longestHoldMs(async () => {
    reason = (await runGuest(code, { kernel, memMb: 16, ...options })).reason
  })
  return { reason, heldMs, kernel: kernel.kernel }
}

describe.each([
  ['thread', threadGuests],
  ['process', processGuests()],
])('kept for a guest in a %s', (_, launch) => {
  test.each([
    [
      'segments that say they are small',
      `async (sys) => { for (;;) await sys.remember(${HALF}, { tokens: 1 }) }`,
      { mem: 5 },
    ],
    [
      'segments in a swap without end',
      `async (sys) => { for (;;) await sys.remember(${HALF}) }`,
      { mem: 150_000 },
    ],
    [
      'mail to itself',
      `async (sys) => { const me = await sys.selfCap(); for (;;) await sys.send(me, ${HALF}) }`,
      {},
    ],
    [
      'mail to itself by a narrowed capability',
      `async (sys) => {
        const me = await sys.attenuate(await sys.derive(await sys.selfCap(), ['send']), {})
        for (;;) await sys.send(me, ${HALF})
      }`,
      {},
    ],
    [
      'mail that waits for room, few but large',
      `async (sys) => {
        const { caps: [up] } = await sys.recv()
        for (let i = 0; i < 99; i++) { sys.recv({ corr: ${HALF} + i }); await sys.now() }
      }`,
      {},
    ],
  ] satisfies (readonly [string, string, Quota])[])('%s', async (name, code, quota) => {
    const { reason } = await bomb(code, { launch, quota })
    expect(reason, name).toEqual(MEMORY)
  })
})

test('what is forgotten, received or answered is not held against a guest', async () => {
  const code = `async (sys) => {
    const me = await sys.selfCap()
    for (let i = 0; i < 60; i++) {
      const id = await sys.remember(${HALF})
      await sys.send(me, ${HALF})
      await sys.recv()
      if (i === 0) await sys.recv()
      await sys.log('info', ${HALF})
      await sys.forget(id)
    }
  }`
  const { reason } = await bomb(
    code.replace('if (i === 0)', 'if (false)').replace('const me', 'await sys.recv(); const me'),
  )
  expect(reason).toEqual({ kind: 'normal' })
})

test('log lines without end do not fill the host’s memory: of long ones the ring keeps the newest', async () => {
  const { reason, kernel } = await bomb(
    `async (sys) => {
      for (let i = 0; i < 60; i++) await sys.log('warn', i + ${HALF})
      for (let i = 0; i < 60; i++) await sys.log('info', 'with fields ' + i, { i, text: ${HALF} })
      await sys.log('info', 'short')
    }`,
  )
  expect(reason).toEqual({ kind: 'normal' })
  const logs = kernel.events().flatMap(({ ev }) => (ev.kind === 'log' ? [ev] : []))
  expect(logs).toHaveLength(121)
  const chars = logs.reduce(
    (sum, { message, fields }) => sum + message.length + JSON.stringify(fields ?? 0).length,
    0,
  )
  expect(chars).toBeLessThan(9 * 2 ** 20)
  expect(logs[0]?.message).toMatch(/^0x{199} …$/)
  expect(logs.at(-1)?.message).toBe('short')
  expect(logs.at(-2)?.fields).toMatchObject({ i: 59 })
})

test('references run out for the guest, not in the kernel; those that it revokes make room', async () => {
  const kernel = testKernel()
  const { reason, said } = await runGuest(
    `async (sys) => {
      const { caps: [up] } = await sys.recv()
      const codes = new Set()
      for (let round = 0; round < 130; round++)
        for (const one of await Promise.all(Array.from({ length: 1000 }, () => sys.selfCap().catch((e) => e.code)))) codes.add(typeof one === 'string' ? one : 'given')
      await sys.revoke(2)
      const again = await sys.derive(up, ['send'])
      await sys.send(up, [...codes, again > 100000, await sys.revoke(2).catch((e) => e.code), await sys.open(up).catch((e) => e.code)])
    }`,
    { kernel },
  )
  expect(reason).toEqual({ kind: 'normal' })
  expect(said).toEqual([['given', 'ECAP', true, 'ECAP', 'ECAP']])
  const minted = kernel.kernel.metricsText().match(/syscalls_total\{name="selfCap"\} (\d+)/)?.[1]
  expect(Number(minted)).toBeLessThan(100_100)
}, 30_000)

test('a query of a hundred thousand words does not hold the main thread', async () => {
  const { reason, heldMs } = await bomb(
    `async (sys) => {
      for (let i = 0; i < 3000; i++) await sys.remember('word common q' + i, { tokens: 1 })
      const query = Array.from({ length: 100000 }, (_, i) => 'q' + i).join(' ')
      for (let i = 0; i < 3; i++) await sys.recall(query, 5)
    }`,
    { quota: { mem: 10 } },
  )
  expect(reason).toEqual({ kind: 'normal' })
  expect(heldMs).toBeLessThan(500)
})

test('its own full mailbox refuses a guest’s mail to itself', async () => {
  const { said } = await runGuest(
    report(`(async () => {
      const me = await sys.selfCap()
      return (await Promise.all(Array.from({ length: 8 }, (_, i) => sys.send(me, i).then(() => 'sent', (e) => e.code)))).join()
    })()`),
    { quota: { maxMailbox: 5 } },
  )
  expect(said).toEqual(['sent,sent,sent,sent,sent,EDEADLK,EDEADLK,EDEADLK'])
})

test('a flood of messages waits at a full mailbox, and beyond 10,000 that wait it ends the sandbox', async () => {
  const flood = `async (sys) => {
    const { caps: [target] } = await sys.recv()
    for (;;) { for (let i = 0; i < 500; i++) sys.send(target, i); await sys.now() }
  }`
  const sink = image('sink', async (sys) => void (await sys.recv({ corr: 'never' as MsgId })))
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(sink, { quota: { maxMailbox: 3 } })
    const guest = await sys.spawn(sandbox(flood, { launch: threadGuests }), {
      caps: [sys.derive(cap, ['send'])],
    })
    expect(await sys.waitpid(guest.cap)).toEqual({
      kind: 'fault',
      error: 'the sandbox flooded its monitor with calls',
    })
    expect(t.kernel.ps().find(({ name }) => name === 'sink')).toMatchObject({
      mailboxDepth: 3,
      sendersParked: 0,
    })
    await sys.signal(cap)
  })
})
