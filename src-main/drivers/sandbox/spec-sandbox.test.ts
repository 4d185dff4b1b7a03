import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BootGrant, ExitReason, SyscallName } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { runRoot, settled, testKernel } from '../../kernel/test-kernel.ts'
import { DEFAULT_ALLOW } from './calls.ts'
import type { GuestEars, GuestLauncher } from './guest-link.ts'
import { type SandboxOptions, sandbox } from './sandbox.ts'
import { report, runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

/** §13, sentence by sentence, where the attacks do not already say it. */

const ALLOWED = [
  ...['self', 'selfCap', 'recv', 'send', 'derive', 'attenuate', 'revoke', 'open', 'read', 'readAll', 'write'],
  ...['remember', 'workingSet', 'recall', 'forget', 'pin', 'sleep', 'yield', 'budget', 'now', 'log'],
]
const OTHERS = [
  ...[
    'spawn',
    'spawnRemote',
    'dial',
    'register',
    'unregister',
    'lookup',
    'signal',
    'suspend',
    'resume',
    'term',
  ],
  ...['monitor', 'waitpid', 'sched', 'onCleanup', 'exit'],
]

test('by default a guest has the calls of the list, all of them and no others', async () => {
  expect([...DEFAULT_ALLOW].sort()).toEqual([...ALLOWED].sort())
  const { said } = await runGuest(report('Object.getOwnPropertyNames(sys)'))
  expect([...(said[0] as string[])].sort()).toEqual([...ALLOWED].sort())
  const absent = await runGuest(report(`${JSON.stringify(OTHERS)}.filter((name) => sys[name] !== undefined)`))
  expect(absent.said).toEqual([[]])
})

test.each(OTHERS.filter((name) => name !== 'onCleanup'))('%s can be allowed by name', async (name) => {
  const allow = ['recv', 'send', name] as SyscallName[]
  const { said } = await runGuest(report(`typeof sys.${name}`), { allow })
  expect(said).toEqual(['function'])
})

test('what a guest does is paid from its process’s quota, and ends with it', async () => {
  const t = testKernel()
  const read = () => ({ value: 'text', cost: { tokens: 3 } })
  t.kernel.registerDriver({ name: 'model', open: () => ({ read }) })
  let reason: ExitReason | undefined
  const code = `async (sys) => {
    const { caps: [model] } = await sys.recv()
    const handle = await sys.open(model)
    for (;;) await sys.read(handle)
  }`
  await runRoot(
    t,
    async (sys) => {
      const { model } = (await sys.recv<BootGrant>()).body.devices
      const caps = [model as CapRef]
      const { cap } = await sys.spawn(sandbox(code, { launch: threadGuests }), { caps, quota: { tokens: 9 } })
      reason = await sys.waitpid(cap)
      expect(sys.budget().tokens).toBe(91)
    },
    { grant: ['model'], quota: { tokens: 100 } },
  )
  expect(reason).toEqual({ kind: 'quota', resource: 'tokens' })
})

test('a guest that may not open a device cannot, whatever it may call', async () => {
  const t = testKernel()
  const opened: number[] = []
  const open = (owner: number) => {
    opened.push(owner)
    return {}
  }
  t.kernel.registerDriver({ name: 'safe', open })
  const { said } = await runGuest(
    report(`Promise.all([1, 2, 'safe', 'device:safe'].map((cap) => sys.open(cap).catch((e) => e.code)))`),
    { kernel: t },
  )
  expect(said).toEqual([['ECAP', 'ECAP', 'ECAP', 'ECAP']])
  expect(opened).toEqual([])
})

/** A far side that the test plays. */
function played() {
  const ears: GuestEars[] = []
  const sent: string[] = []
  const memMb: number[] = []
  let terminated = 0
  const launch: GuestLauncher = (limits, one) => {
    ears.push(one)
    memMb.push(limits.memMb)
    return {
      send: (text) => void sent.push(text),
      terminate: () => void terminated++,
    }
  }
  const say = (message: unknown): void => ears[0]?.heard(message)
  return { launch, say, sent, memMb, terminations: () => terminated }
}

/** A process of a sandbox whose far side the test plays; how it ends, once it has. */
async function process(options: Omit<SandboxOptions, 'launch'>) {
  const side = played()
  const t = testKernel()
  let how: ExitReason | undefined
  void runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(sandbox('async () => {}', { ...options, launch: side.launch }))
    how = await sys.waitpid(cap)
  })
  await settled(4)
  return { ...side, ended: () => (how?.kind === 'fault' ? how.error : how?.kind) }
}

describe('the watchdog', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('gives five seconds to fall silent, from each step anew, and 64 MiB', async () => {
    const guest = await process({})
    expect(guest.memMb).toEqual([64])
    guest.say('r')
    for (let step = 1; step <= 3; step++) {
      vi.advanceTimersByTime(4999)
      guest.say(`c{"id":${step},"call":"self","args":[]}`)
      guest.say('i')
      await settled(4)
      expect(guest.sent).toHaveLength(step + 1)
    }
    expect(guest.ended()).toBe(undefined)
    vi.advanceTimersByTime(4999)
    await settled(4)
    expect(guest.ended()).toBe(undefined)
    vi.advanceTimersByTime(1)
    await settled(4)
    expect(guest.ended()).toBe('the sandbox did not answer in time')
    expect(guest.terminations()).toBeGreaterThan(0)
  })

  test('does not run while the guest waits, and takes the time that is set', async () => {
    const guest = await process({ timeoutMs: 70, memMb: 17 })
    expect(guest.memMb).toEqual([17])
    guest.say('r')
    guest.say('i')
    vi.advanceTimersByTime(3_600_000)
    await settled(4)
    expect(guest.ended()).toBe(undefined)
  })

  test('gives half a minute to start', async () => {
    const guest = await process({})
    vi.advanceTimersByTime(29_999)
    await settled(4)
    expect(guest.ended()).toBe(undefined)
    vi.advanceTimersByTime(1)
    await settled(4)
    expect(guest.ended()).toBe('the sandbox did not start')
  })
})

test('ten thousand calls may wait; one more is a flood', async () => {
  for (const [count, end] of [
    [10_000, undefined],
    [10_001, 'the sandbox flooded its monitor with calls'],
  ] as const) {
    const guest = await process({})
    guest.say('r')
    for (let id = 1; id <= count; id++) guest.say(`c{"id":${id},"call":"recv","args":[]}`)
    guest.say('i')
    await settled(200)
    expect(guest.ended()).toBe(end)
    guest.say('nonsense')
  }
})
