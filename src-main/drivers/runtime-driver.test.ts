import { expect, test, vi } from 'vitest'
import type { Pid } from '../kernel/ids.ts'
import { nodeClock, nodePowers } from './host-powers.ts'
import { runtimeDriver } from './runtime-driver.ts'

const owner = 7 as Pid

test('one turn at a time, and closing aborts the turn that runs', async () => {
  const signals: AbortSignal[] = []
  const driver = runtimeDriver('runtime:x', (pid, request, signal) => {
    expect(pid).toBe(owner)
    signals.push(signal)
    return new Promise((resolve, reject) => {
      if (request === 'quick') resolve({ value: 'done', cost: { tokens: 1 } })
      signal.addEventListener('abort', () => reject(new Error('aborted')))
    })
  })
  const handle = await driver.open(owner)
  expect(await handle.read?.('quick')).toEqual({ value: 'done', cost: { tokens: 1 } })
  const slow = handle.read?.('slow')
  await expect(handle.read?.('quick')).rejects.toThrow('a turn is running')
  await handle.close?.()
  await expect(slow).rejects.toThrow('aborted')
  await expect(handle.read?.('quick')).rejects.toThrow('runtime is closed')
  expect(signals.map((signal) => signal.aborted)).toEqual([true, true])
})

test('a timer longer than the host’s longest still waits, and can be cancelled', () => {
  vi.useFakeTimers()
  try {
    const clock = nodeClock()
    const fired = vi.fn()
    clock.setTimer(2 ** 31 + 1000, fired)
    clock.setTimer(2 ** 31 + 2000, fired).cancel()
    vi.advanceTimersByTime(2 ** 31)
    expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(5000)
    expect(fired).toHaveBeenCalledTimes(1)
  } finally {
    vi.useRealTimers()
  }
})

test('host powers are what they say', async () => {
  const powers = nodePowers()
  expect(powers.randomBytes(32)).toHaveLength(32)
  await new Promise<void>((resolve) => powers.defer(resolve))
  expect(Math.abs(nodeClock().now() - Date.now())).toBeLessThan(1000)
})
