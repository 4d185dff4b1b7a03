import { expect, test } from 'vitest'
import { together } from './together.ts'

const untilAborted = (signal: AbortSignal, ended: () => void) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      ended()
      reject(new Error('aborted'))
    })
  })

test('answers in order', async () => {
  const answers = await together(undefined, () => [Promise.resolve(1), Promise.resolve('two')])
  expect(answers).toEqual([1, 'two'])
})

test('the first failure stops the others and is told after they have ended', async () => {
  let hasEnded = false
  const work = together(new AbortController().signal, (either) => [
    untilAborted(either, () => {
      hasEnded = true
    }),
    Promise.reject(new Error('disk full')),
  ])
  await expect(work).rejects.toThrow('disk full')
  expect(hasEnded).toBe(true)
})

test('an abort from outside reaches every work', async () => {
  const controller = new AbortController()
  let ended = 0
  const count = () => {
    ended += 1
  }
  const work = together(controller.signal, (either) => [
    untilAborted(either, count),
    untilAborted(either, count),
  ])
  controller.abort()
  await expect(work).rejects.toThrow('aborted')
  expect(ended).toBe(2)
})
