import { expect, test } from 'vitest'
import { processGuests } from './process-guest.ts'
import { bombs, fatalBombs, faultOf, giants, spins } from './test-bombs.ts'
import { runGuest } from './test-guest.ts'

const launch = processGuests()

test.each(spins)('%s is ended', async (_, code) => {
  expect(await faultOf(code, { launch, timeoutMs: 500 })).toBe('the sandbox did not answer in time')
})

test.each([...bombs, ...fatalBombs])(
  'a memory bomb ends the process of its guest, not ours: %s',
  async (_, code) => {
    expect(await faultOf(code, { launch, memMb: 64, timeoutMs: 30_000 })).toMatch(
      /^the sandbox (process ended|ran out of memory)$/,
    )
  },
)

test.each(giants)('a giant ends in an error of the guest’s, or ends its process: %s', async (_, code) => {
  const { reason, said } = await runGuest(code, { launch, memMb: 64, timeoutMs: 3000 })
  expect([reason.kind, said]).toEqual(['fault', []])
})
