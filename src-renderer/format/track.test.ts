import { expect, it } from 'vitest'
import { layOutTrack, logPlace, trackPhases } from './track.ts'

const block = (phase: 'queue' | 'run', spentMs: number) => ({ phase, enteredAtMs: 0, spentMs, times: 1 })

it('fills the strip exactly, in order, whatever happened', () => {
  for (const phase of trackPhases) {
    const segments = layOutTrack([block('queue', 4000), block('run', 441_000)], phase, 0, false)
    expect(segments.map((one) => one.phase)).toEqual(trackPhases)
    expect(segments.reduce((sum, one) => sum + one.width, 0)).toBeCloseTo(1)
    expect(segments.filter((one) => one.kind === 'current').map((one) => one.phase)).toEqual([phase])
  }
})

it('gives more room to more time', () => {
  const [queue, , , run] = layOutTrack([block('queue', 4000), block('run', 441_000)], 'ask', 0, false)
  expect(run!.width).toBeGreaterThan(queue!.width)
})

it('lets only the lit block of a moving session grow', () => {
  const still = layOutTrack([block('run', 1000)], 'run', 600_000, false)[3]
  const moving = layOutTrack([block('run', 1000)], 'run', 600_000, true)[3]
  expect(still!.spentMs).toBe(1000)
  expect(moving!.spentMs).toBe(600_000)
})

it('places ages on a log ruler that never leaves its ends', () => {
  expect(logPlace(0, 7_200_000)).toBe(0)
  expect(logPlace(99_999_999, 7_200_000)).toBe(1)
  expect(logPlace(300_000, 7_200_000)).toBeLessThan(logPlace(3_600_000, 7_200_000))
})
