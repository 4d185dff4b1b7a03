import { expect, it } from 'vitest'
import { createTurnPace } from './turn-pace.ts'

function openPace(bytesPerTurn: number) {
  const next: (() => void)[] = []
  const pace = createTurnPace(bytesPerTurn, (fn) => void next.push(fn))
  const turn = async () => {
    for (const fn of next.splice(0)) fn()
    for (let at = 0; at < 10; at++) await undefined
  }
  return { pace, turn, waiting: () => next.length }
}

it('lets in one turn no more pass than one piece beyond its measure, whoever comes', async () => {
  const { pace, turn } = openPace(100)
  const passed: string[] = []
  const moving = async (name: string) => {
    for (let at = 0; at < 3; at++) {
      await pace.pass(60)
      passed.push(name)
    }
  }
  const all = Promise.all(['a', 'b', 'c'].map(moving))
  const perTurn: string[] = []
  for (let at = 0; at < 6; at++) {
    await turn()
    perTurn.push(passed.splice(0).join(''))
  }
  await all
  expect(perTurn.join('')).toHaveLength(9)
  // Two at a time: the second one goes beyond the measure.
  expect(Math.max(...perTurn.slice(1).map(({ length }) => length))).toBe(2)
  expect(new Set(perTurn.slice(0, 2).join(''))).toEqual(new Set(['a', 'b', 'c']))
})

it('asks for no turn when nothing passes', async () => {
  const { pace, turn, waiting } = openPace(100)
  expect(waiting()).toBe(0)
  await pace.pass(10)
  expect(waiting()).toBe(1)
  await turn()
  expect(waiting()).toBe(0)
})
