import { execFile } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeDemoRepository } from '../src-main/adapters/git-workareas/demo-repository.ts'
import { createScriptedRuntime } from '../src-main/adapters/scripted/scripted-runtime.ts'
import { openBareSession } from '../src-main/adapters/workarea-tools/bare-session.fixture.ts'
import { createWorkareaTools } from '../src-main/adapters/workarea-tools/workarea-tools.ts'
import type { ActivityBody } from '../src-main/contract/activity.ts'
import { openWall, ownNode, realClock } from './fixtures/wall.ts'

const never = new AbortController().signal
const allTools = ['list_files', 'read_file', 'write_file', 'edit_file', 'run_command'].map(
  (name) => `tool:${name}`,
)

let wall: Awaited<ReturnType<typeof openWall>>
beforeAll(async () => {
  wall = await openWall()
})
afterAll(() => wall.close())

async function play(agent: string, prepare: (workareaPath: string) => Promise<unknown>) {
  const opened = await openBareSession({ agent, devices: allTools, executor: wall.executor })
  const runtime = createScriptedRuntime({
    scriptsDirectory: join(wall.base, 'scripts'),
    clock: realClock,
    openTools: createWorkareaTools({ node: ownNode }),
    probe: () => wall.executor.probe(),
    paceFactor: 0,
  })
  await prepare(opened.session.workareaPath)
  const handle = await runtime.start(opened.session)
  const result = await handle.turn('Go', never).catch((error: unknown) => error)
  await handle.close()
  runtime.close()
  return { ...opened, result, confinement: handle.confinement }
}

const ends = (activities: readonly ActivityBody[]) =>
  activities.flatMap((body) =>
    body.kind === 'tool' && body.status !== 'pending' && body.status !== 'running' ? [body] : [],
  )

it('mends the sample repository behind the wall: tests fail, are mended, pass, and the repair is committed', async () => {
  const { session, activities, result, confinement, close } = await play('scripted', makeDemoRepository)
  expect(confinement).toMatchObject({ files: true, network: true })
  expect(result, JSON.stringify(ends(activities).at(-1))).toEqual({ kind: 'done' })
  expect(ends(activities).map(({ exitCode }) => exitCode)).toEqual([
    undefined,
    undefined,
    1,
    undefined,
    0,
    0,
    0,
  ])
  const safe = ['-c', `safe.directory=${session.workareaPath}`]
  const { stdout } = await promisify(execFile)('git', [...safe, 'log', '-1', '--format=%an %s'], {
    cwd: session.workareaPath,
  })
  expect(stdout.trim()).toBe('Signalbox agent Keep the zero of a few cents')
  expect(await readFile(join(session.workareaPath, 'src/price.js'), 'utf8')).toContain('padStart(2')
  await close()
})

it('lets nothing out that tries, and work inside goes on', async () => {
  const panic = await readFile('/proc/sys/kernel/panic', 'utf8').catch(() => '')
  const { activities, opened, result, close } = await play('scripted:tries', makeDemoRepository)
  expect(result).toEqual({ kind: 'done' })
  const commands = ends(activities).filter(({ exitCode }) => exitCode !== undefined)
  const [, , keys, system, commit] = commands
  expect(keys?.output).not.toContain('.bashrc')
  expect(system?.exitCode).not.toBe(0)
  expect(system?.output).toMatch(/read-only|permission denied|not permitted/i)
  expect(commit?.exitCode).toBe(0)
  expect(opened.filter(({ ok }) => !ok).length).toBe(8)
  expect(await readFile('/proc/sys/kernel/panic', 'utf8').catch(() => '')).toBe(panic)
  for (const path of ['/usr/signalbox-tries', '/tmp/signalbox-was-here', '/tmp/signalbox-hook'])
    await expect(access(path)).rejects.toThrow()
  await close()
})
