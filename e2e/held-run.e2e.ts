import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LaunchSpec, RunningProgram, RunOptions } from '../src-main/ports/executor.ts'
import { isAlive } from '../src-main/shim/process-identity.ts'
import { closedDoor, createWallKit, never, until, type WallKit } from './fixtures/wall-kit.ts'

/** Short commands of in-process tools, held from outside while they run. */
let kit: WallKit
beforeAll(() => {
  kit = createWallKit()
})
afterAll(() => kit?.close())

const ticking = 'while :; do echo tick >> ticks; sleep 0.01; done'
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Starts a command and gives it as soon as it runs, with its outcome to come. */
async function begin(script: string, more: Partial<RunOptions> = {}) {
  const spec: LaunchSpec = kit.spec('/bin/sh', ['-c', script], { survives: false })
  const started = Promise.withResolvers<RunningProgram>()
  const outcome = kit.executor.run(spec, closedDoor, {
    timeoutMs: 60_000,
    maxOutputBytes: 1000,
    signal: never,
    ...more,
    onStart: started.resolve,
  })
  outcome.catch(started.reject)
  const file = join(spec.cwd, 'ticks')
  const ticks = () => (existsSync(file) ? readFileSync(file).length : 0)
  return { program: await started.promise, outcome, ticks }
}

it('stands still between freeze and thaw, twice each without harm, also at once', async () => {
  const { program, outcome, ticks } = await begin(ticking)
  await program.freeze()
  await program.freeze()
  const before = ticks()
  await sleep(400)
  expect(ticks()).toBe(before)
  await program.thaw()
  await program.thaw()
  await until('it ticks', () => ticks() > before)
  await program.freeze()
  const held = ticks()
  await sleep(300)
  expect(ticks()).toBe(held)
  const end = await program.terminate(1000)
  expect(await outcome).toMatchObject({ isTimedOut: false, code: end.code })
  const { pid, startTime } = program.identity
  await until('nothing of it is left', () => !isAlive(pid, startTime))
})

it('is given its whole time although it was held for longer than that', async () => {
  const { program, outcome } = await begin(ticking, { timeoutMs: 1500 })
  let isOver = false
  void outcome.then(() => {
    isOver = true
  })
  await program.freeze()
  await sleep(2500)
  expect(isOver).toBe(false)
  await program.thaw()
  await sleep(500)
  expect(isOver).toBe(false)
  expect(await outcome).toMatchObject({ isTimedOut: true, signal: 'SIGKILL' })
})

it('ends at once when its call is given up, also while it is held, and leaves no control group', async () => {
  const calling = new AbortController()
  const { program, outcome } = await begin(ticking, { signal: calling.signal })
  await program.freeze()
  calling.abort()
  expect(await outcome).toMatchObject({ isTimedOut: false, signal: 'SIGKILL' })
  const { pid, startTime } = program.identity
  await until('nothing of it is left', () => !isAlive(pid, startTime))
  await program.freeze()
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? ''
  const groups = () => readdirSync(join('/sys/fs/cgroup', own)).filter((name) => name === `signalbox-${pid}`)
  if (existsSync(join('/sys/fs/cgroup', own))) await until('its group is gone', () => groups().length === 0)
})
