import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fitToDisplays, parseWindowState } from './window-bounds.ts'

const display = { x: 0, y: 0, width: 1920, height: 1080 }

it('keeps a place that can be seen', () => {
  const bounds = { x: 100, y: 50, width: 1200, height: 800 }
  expect(fitToDisplays(bounds, [display])).toEqual(bounds)
})

it('gives up a place on a display that is gone', () => {
  expect(fitToDisplays({ x: 2500, y: 50, width: 1200, height: 800 }, [display])).toEqual({
    width: 1200,
    height: 800,
  })
})

it('cuts a window that is larger than the display', () => {
  expect(fitToDisplays({ x: 0, y: 0, width: 5000, height: 5000 }, [display])).toMatchObject({
    width: 1920,
    height: 1080,
  })
})

it('reads what it wrote, and nothing else', () => {
  const state = { bounds: { x: 1, y: 2, width: 900, height: 700 }, isMaximized: true }
  expect(parseWindowState(JSON.stringify(state))).toEqual(state)
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"bounds":{}}',
    '{"bounds":{"x":1,"y":2,"width":"9","height":3}}',
  ]) {
    expect(parseWindowState(text)).toBeUndefined()
  }
})

it('always gives a size that a person can use', () => {
  const number = fc.integer({ min: -100_000, max: 100_000 })
  const bounds = fc.record({ x: number, y: number, width: number, height: number })
  fc.assert(
    fc.property(bounds, (wanted) => {
      const { width = 0, height = 0 } = fitToDisplays(wanted, [display])
      return width >= 640 && width <= 1920 && height >= 480 && height <= 1080
    }),
  )
})
