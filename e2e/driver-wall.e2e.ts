import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ExecResult, execDriver } from '../src-main/drivers/exec/exec-driver.ts'
import { confinedPrograms } from '../src-main/drivers/exec/program.ts'
import { processGuests, startConfined } from '../src-main/drivers/sandbox/process-guest.ts'
import { runGuest } from '../src-main/drivers/sandbox/test-guest.ts'
import type { Pid } from '../src-main/kernel/ids.ts'
import { closedDoor, createWallKit, type WallKit } from './fixtures/wall-kit.ts'

/** The drivers that start programs, behind the wall of the system executor. */

let kit: WallKit
let place: { sessionId: string; cwd: string; home: string }

beforeAll(async () => {
  kit = createWallKit()
  const [cwd, home] = [join(kit.folder, 'work'), join(kit.folder, 'home')]
  for (const one of [cwd, home]) mkdirSync(one)
  place = { sessionId: 'drivers', cwd, home }
  const { files, network, reason } = await kit.executor.probe()
  expect({ files, network }, reason ?? '').toEqual({ files: true, network: true })
})

afterAll(() => kit.close())

test('a sandbox runs in a process behind the wall, and ends there', async () => {
  const launch = processGuests(startConfined(kit.executor, place))
  const code = `async (sys) => {
    const { caps: [up] } = await sys.recv()
    await sys.sleep(1)
    await sys.send(up, await sys.self())
  }`
  expect(await runGuest(code, { launch })).toEqual({ reason: { kind: 'normal' }, said: [2] })
  const spin = await runGuest('async () => { for (;;); }', { launch, timeoutMs: 300 })
  expect(spin.reason).toEqual({ kind: 'fault', error: 'the sandbox did not answer in time' })
  const bomb = await runGuest(`async () => { 'x'.repeat(5e8).split('') }`, { launch })
  expect(bomb.reason).toMatchObject({
    kind: 'fault',
    error: expect.stringMatching(/process ended|out of memory/),
  })
})

test('a program behind the wall sees its folder and nothing else, and its CPU time is measured', async () => {
  writeFileSync(join(place.cwd, 'mine'), 'text')
  writeFileSync(join(kit.folder, 'secret'), 'hidden')
  const start = confinedPrograms(kit.executor, { ...place, reads: [], writes: [place.cwd] }, closedDoor)
  const handle = await execDriver({ start, cwd: place.cwd }).open(1 as Pid)
  const script = `cat mine; cat ${kit.folder}/secret; i=0; while [ $i -lt 800000 ]; do i=$((i+1)); done; cat; sleep 0.3`
  const result = await handle.read?.({ file: '/bin/sh', args: ['-c', script], stdin: 'in' })
  const value = result?.value as ExecResult
  expect(value).toMatchObject({ stdout: 'textin', code: 0, measured: 'sampled' })
  expect(value.stderr).toContain('No such file')
  expect(value.cpuMs).toBeGreaterThan(50)
  expect(value.maxRssBytes).toBeGreaterThan(100_000)
  const slow = handle.read?.({ file: '/bin/sleep', args: ['60'], timeoutMs: 500 })
  expect((await slow)?.value).toMatchObject({ isTimedOut: true })
  await handle.close?.()
})
