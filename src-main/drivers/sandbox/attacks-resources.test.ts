import { describe, expect, test } from 'vitest'
import { processGuests } from './process-guest.ts'
import { bombs, fatalBombs, faultOf, giants, longestHoldMs, spins } from './test-bombs.ts'
import { runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

const launchers = [
  ['thread', threadGuests],
  ['process', processGuests()],
] as const

// All bombs in both kinds of guest: attacks.torture.ts.
describe.each([
  ['thread', threadGuests, spins],
  ['process', processGuests(), spins.slice(0, 2)],
] as const)('timing bombs in a %s', (_, launch, some) => {
  test.each(some)('%s is ended, and does not hold the main thread', async (_, code) => {
    let fault = ''
    const held = await longestHoldMs(async () => {
      fault = await faultOf(code, { launch, timeoutMs: 200 })
    })
    expect(fault).toBe('the sandbox did not answer in time')
    expect(held).toBeLessThan(200)
  })
})

const quick = ['objects', 'strings', 'a list beyond any table', 'huge strings']

test.each([...bombs, ...fatalBombs].filter(([name]) => quick.includes(name)))(
  'a memory bomb ends the process of its guest, not ours: %s',
  async (_, code) => {
    expect(await faultOf(code, { launch: processGuests(), memMb: 32, timeoutMs: 15_000 })).toMatch(
      /^the sandbox (process ended|ran out of memory)$/,
    )
  },
)

const soon = ['a chain of proxies', 'a regular expression of brackets', 'an array that joins itself']

// All of them: attacks.torture.ts.
test.each(giants.filter(([name]) => soon.includes(name)))(
  'a giant ends in an error of the guest’s, or ends its process: %s',
  async (_, code) => {
    const { reason } = await runGuest(code, { launch: processGuests(), memMb: 32, timeoutMs: 10_000 })
    expect(reason.kind).toBe('fault')
  },
)

test('what a guest throws is cut to the words that fit', async () => {
  const { reason } = await runGuest(`async () => { throw new Error('long '.repeat(1e6)) }`)
  expect(reason).toEqual({ kind: 'fault', error: 'long '.repeat(200) })
})

describe.each(launchers)('memory of a %s', (_, launch) => {
  test('typed arrays and external buffers do not exist, so none can be filled', async () => {
    const fault = await faultOf('async () => { for (;;) new Uint8Array(1e9).fill(1) }', { launch })
    expect(fault).toBe('Uint8Array is not defined')
  })

  test('deep recursion is the guest’s own error', async () => {
    expect(await faultOf('async () => { const f = () => f() + 1; f() }', { launch })).toBe(
      'Maximum call stack size exceeded',
    )
  })
})

describe.each(launchers)('floods from a %s', (_, launch) => {
  test('more than 10,000 calls that wait are a flood', async () => {
    let fault = ''
    const held = await longestHoldMs(async () => {
      fault = await faultOf(
        'async (sys) => { for (let i = 0; i < 30000; i++) sys.recv(); await sys.recv() }',
        { launch },
      )
    })
    expect(fault).toBe('the sandbox flooded its monitor with calls')
    expect(held).toBeLessThan(500)
  })

  test('10,000 calls are none', async () => {
    const code = 'async (sys) => { await Promise.all(Array.from({ length: 10000 }, () => sys.self())) }'
    expect(await faultOf(code, { launch })).toBe('normal')
  })

  test('a giant message is refused', async () => {
    expect(await faultOf(`async (sys) => { await sys.log('info', 'x'.repeat(2 ** 21)) }`, { launch })).toBe(
      'a call is too large',
    )
  })

  test('a giant answer is an error, not a fault', async () => {
    const code = `async (sys) => {
      for (let i = 0; i < 5; i++) await sys.remember('x'.repeat(2 ** 18))
      const code = await sys.workingSet().catch((e) => e.message)
      if (code !== 'the value is too large for a sandbox') throw new Error(code)
    }`
    expect(await faultOf(code, { launch })).toBe('normal')
  })
})
