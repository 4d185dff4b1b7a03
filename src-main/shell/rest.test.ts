import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createRest } from './rest.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open(isIdle: () => Promise<boolean>) {
  const calls: string[] = []
  const rest = createRest({
    isIdle,
    rest: () => void calls.push('rest'),
    quietMs: 1000,
    log: (message) => void calls.push(message),
  })
  return { rest, calls }
}

const idle = () => Promise.resolve(true)

it('rests once after the last of many touches', async () => {
  const { rest, calls } = open(idle)
  rest.touch()
  await vi.advanceTimersByTimeAsync(900)
  rest.touch()
  await vi.advanceTimersByTimeAsync(900)
  expect(calls).toEqual([])
  await vi.advanceTimersByTimeAsync(5000)
  expect(calls).toEqual(['rest'])
})

it('does not rest while something runs', async () => {
  const { rest, calls } = open(() => Promise.resolve(false))
  rest.touch()
  await vi.advanceTimersByTimeAsync(5000)
  expect(calls).toEqual([])
})

it('does not rest when something happened, or all was closed, while it asked', async () => {
  for (const between of ['touch', 'close'] as const) {
    const asked = Promise.withResolvers<boolean>()
    const { rest, calls } = open(() => asked.promise)
    rest.touch()
    await vi.advanceTimersByTimeAsync(1000)
    rest[between]()
    asked.resolve(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toEqual([])
    rest.close()
  }
})

it('says so when nobody answers', async () => {
  const { rest, calls } = open(() => Promise.reject(new Error('gone')))
  rest.touch()
  await vi.advanceTimersByTimeAsync(1000)
  expect(calls).toEqual(['nothing was put away'])
})
