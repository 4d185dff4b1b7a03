import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BusyWindow, openBusyWindow, type Stretch } from './fixtures/busy-window.ts'
import { openDisplay } from './tools/display.mjs'

// The figures proper are those of kernel-hold.bench.ts; here are bounds that hold on any machine, so that it can't rot.
const stretchMs = 3000
const mostHeldMs = 50
const mostHeldUsuallyMs = 16
/** Of those at rest: on a small machine a busy kernel, the drawing of the page and other programs share two processors. */
const leastShareOfFrames = 0.1

let display: Awaited<ReturnType<typeof openDisplay>>
let busy: BusyWindow
let rest: Stretch
let load: Stretch

beforeAll(async () => {
  display = await openDisplay()
  Object.assign(process.env, display.env)
  busy = await openBusyWindow()
  // Unmeasured: everybody gets a first turn, and the code gets warm.
  await busy.watch('processes', true, stretchMs)
  rest = await busy.watch('processes', false, stretchMs)
  load = await busy.watch('processes', true, stretchMs)
})

afterAll(async () => {
  await busy?.close()
  await display?.close()
})

it('has a thousand processes at work, every one of them', () => {
  expect(load.main.processes).toBeGreaterThan(1000)
  expect(load.main.moved).toBeGreaterThan(980)
  expect(rest.main.moved).toBe(0)
})

it('goes on painting and answering meanwhile', () => {
  expect(load.frames.perSecond).toBeGreaterThan(rest.frames.perSecond * leastShareOfFrames)
  expect(load.queries.count).toBeGreaterThan(stretchMs / 500)
  expect(load.queries.p50Ms).toBeLessThan(400)
})

it('holds the thread for a moment only', () => {
  expect(load.main.holds.p99Ms).toBeLessThan(mostHeldUsuallyMs)
  // One full collection of the heap may fall into a stretch.
  expect(load.main.holds.over8).toBeLessThan(load.main.holds.count / 50)
  expect(load.main.holds.longestMs).toBeLessThan(mostHeldMs)
})
