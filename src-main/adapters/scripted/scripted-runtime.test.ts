import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { ActivityBody } from '../../contract/activity.ts'
import { makeDemoRepository } from '../git-workareas/demo-repository.ts'
import { type BareSessionOptions, openBareSession } from '../workarea-tools/bare-session.fixture.ts'
import { createWorkareaTools } from '../workarea-tools/workarea-tools.ts'
import { createScriptedRuntime } from './scripted-runtime.ts'

const git = promisify(execFile)
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const clock = {
  nowMs: () => Date.now(),
  after: (ms: number, fn: () => void) => {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}
const node = { file: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1' }, reads: [] }
const confinement = {
  files: true,
  network: true,
  means: 'bubblewrap',
  reason: 'tried',
  remedy: null,
} as const

async function setUp(
  options: Partial<BareSessionOptions> & { scripts?: Record<string, string>; paceFactor?: number },
) {
  const opened = await openBareSession({ agent: 'scripted', devices: [], ...options })
  const scriptsDirectory = join(opened.base, 'scripts')
  for (const [name, text] of Object.entries(options.scripts ?? {})) {
    await mkdir(scriptsDirectory, { recursive: true })
    await writeFile(join(scriptsDirectory, name), text)
  }
  const runtime = createScriptedRuntime({
    scriptsDirectory,
    clock,
    openTools: createWorkareaTools({ node }),
    probe: async () => confinement,
    paceFactor: options.paceFactor ?? 0,
  })
  cleanups.push(async () => {
    runtime.close()
    await opened.close()
  })
  const devices = await runtime.devices(opened.session.agent, null)
  return { ...opened, runtime, devices }
}

const allTools = ['list_files', 'read_file', 'write_file', 'edit_file', 'run_command'].map(
  (name) => `tool:${name}`,
)
const never = new AbortController().signal
const textOf = (activities: readonly ActivityBody[]) =>
  activities.map((body) => (body.kind === 'response' ? body.text : '')).join('')
const ends = (activities: readonly ActivityBody[]) =>
  activities.flatMap((body) =>
    body.kind === 'tool' && body.status !== 'pending' && body.status !== 'running' ? [body] : [],
  )

function script(...steps: unknown[]): Record<string, string> {
  return { 'mine.json': JSON.stringify({ title: 'Mine', steps }, null, 2) }
}

describe('the demo', () => {
  it('mends the sample repository: a failing test, a repair, a passing test, a commit', async () => {
    const { session, runtime, activities, devices, settled } = await setUp({ devices: allTools })
    expect([...devices].sort()).toEqual([...allTools].sort())
    await rm(session.workareaPath, { recursive: true })
    const base = await makeDemoRepository(session.workareaPath)
    const handle = await runtime.start(session)
    expect(await handle.turn('Fix the price', never)).toEqual({ kind: 'done' })
    await handle.close()
    const results = ends(activities)
    expect(results.map(({ status, exitCode }) => [status, exitCode])).toEqual([
      ['completed', undefined],
      ['completed', undefined],
      ['failed', 1],
      ['completed', undefined],
      ['completed', 0],
      ['completed', 0],
      ['completed', 0],
    ])
    expect(results[2]?.output).toContain('$1.5')
    expect(results[3]).toMatchObject({ insertions: 1, deletions: 1 })
    expect(textOf(activities)).toContain('committed on this branch')
    expect(settled.length).toBe(4)
    const { stdout } = await git('git', ['diff', '--stat', base, 'HEAD'], { cwd: session.workareaPath })
    expect(stdout).toContain('src/price.js | 2 +-')
    const { stdout: dirty } = await git('git', ['status', '--porcelain'], { cwd: session.workareaPath })
    expect(dirty).toBe('')
  })

  it('says the same in every run, piece by piece', async () => {
    const runs: ActivityBody[][] = []
    for (let at = 0; at < 2; at += 1) {
      const { session, runtime, activities } = await setUp({ devices: allTools })
      await git('git', ['init', '--quiet'], { cwd: session.workareaPath })
      const handle = await runtime.start(session)
      expect(await handle.turn('Look around', never)).toEqual({ kind: 'done' })
      runs.push(activities.map((body) => (body.kind === 'tool' ? { ...body, durationMs: 0 } : body)))
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[0]?.filter(({ kind }) => kind === 'response').length).toBeGreaterThan(20)
  })
})

describe('the embedded trials', () => {
  it('asks, and acts on the answer', async () => {
    for (const optionKind of ['allow_once', 'reject_once'] as const) {
      const { session, runtime, asked } = await setUp({
        agent: 'scripted:ask',
        devices: allTools,
        answer: () => ({ kind: 'selected', optionId: 'x', optionKind }),
      })
      await git('git', ['init', '--quiet'], { cwd: session.workareaPath })
      const handle = await runtime.start(session)
      expect(await handle.turn('Count', never)).toEqual({ kind: 'done' })
      expect(asked[0]?.command).toEqual(['git', 'ls-files'])
      const isThere = (await readdir(session.workareaPath)).includes('files-counted.md')
      expect(isThere).toBe(optionKind === 'allow_once')
    }
  })

  it('gets nowhere with its file tools when it tries to get out', async () => {
    const { session, runtime, activities, opened } = await setUp({
      agent: 'scripted:tries',
      devices: allTools,
      programs: ['ln', 'rm', 'git'],
    })
    await git('git', ['init', '--quiet'], { cwd: session.workareaPath })
    const handle = await runtime.start(session)
    expect(await handle.turn('Get out', never)).toEqual({ kind: 'done' })
    const fileCalls = new Set(
      activities.flatMap((body) =>
        body.kind === 'tool' && (body.tool === 'read' || body.tool === 'edit') ? [body.callId] : [],
      ),
    )
    const files = ends(activities).filter(({ callId }) => fileCalls.has(callId))
    expect(files.length).toBe(6)
    expect(files.map(({ status }) => status)).toEqual(files.map(() => 'refused'))
    expect(files.some(({ output }) => output?.includes('root:'))).toBe(false)
    expect(opened.filter(({ ok }) => !ok).map(({ device }) => device)).toEqual([
      ...Array(6).fill('path:outside'),
      'tool:browser',
      'net:example.com:443',
    ])
  })

  it('stops when the budget for tool calls is used up', async () => {
    const { session, runtime, activities } = await setUp({
      agent: 'scripted:over-budget',
      devices: allTools,
      toolCalls: 3,
    })
    const handle = await runtime.start(session)
    expect(await handle.turn('Go on', never)).toEqual({ kind: 'cancelled' })
    expect(ends(activities).map(({ status }) => status)).toEqual([
      'completed',
      'completed',
      'completed',
      'cancelled',
    ])
    expect((await readdir(join(session.workareaPath, 'notes'))).length).toBe(3)
  })
})

describe('scripts of the user', () => {
  it('are offered by name, and a broken one says in which line', async () => {
    const good = JSON.stringify({ title: 'Good one', steps: [{ do: 'say', text: 'Hello' }] })
    const bad =
      '{\n  "title": "Bad",\n  "steps": [\n    { "do": "say", "text": "x" },\n    { "do": "write", "path": 5, "text": "" }\n  ]\n}'
    const { runtime } = await setUp({
      scripts: { 'good.json': good, 'bad.json': bad, 'none.json': '{', 'Not A Name.json': good },
    })
    const agents = await runtime.agents({ isFresh: true })
    const byId = new Map(agents.map((agent) => [agent.id, agent]))
    expect(byId.get('scripted:good')).toMatchObject({ state: 'ready', name: 'Good one', payments: ['none'] })
    expect(byId.get('scripted:bad')).toMatchObject({ state: 'broken' })
    expect(byId.get('scripted:bad')?.detail).toContain('line 5, steps.1.path')
    expect(byId.get('scripted:none')?.state).toBe('broken')
    expect(agents.some(({ id }) => id.includes('Not'))).toBe(false)
    expect(byId.get('scripted:demo')?.state).toBe('ready')
  })

  it('refuses what the session does not hold, and ends there', async () => {
    const { session, runtime, activities } = await setUp({
      agent: 'scripted:mine',
      devices: ['tool:read_file'],
      scripts: script({ do: 'write', path: 'a.txt', text: 'x' }, { do: 'say', text: 'never said' }),
    })
    const handle = await runtime.start(session)
    await expect(handle.turn('Go', never)).rejects.toThrow('does not hold tool:write_file')
    expect(ends(activities).map(({ status }) => status)).toEqual(['refused'])
    expect(textOf(activities)).toBe('')
  })

  it('ends with its reason when a command ends otherwise than expected', async () => {
    const { session, runtime } = await setUp({
      agent: 'scripted:mine',
      devices: allTools,
      scripts: script({ do: 'run', command: ['node', '-e', 'process.exit(3)'] }),
    })
    const handle = await runtime.start(session)
    await expect(handle.turn('Go', never)).rejects.toThrow('not as the script expects')
  })

  it('knows an unknown agent from a broken one', async () => {
    const { session, runtime } = await setUp({ agent: 'scripted:nowhere' })
    await expect(runtime.start(session)).rejects.toMatchObject({ code: 'agent_unknown' })
    const other = await setUp({ agent: 'scripted:mine', scripts: { 'mine.json': '[]' } })
    await expect(other.runtime.start(other.session)).rejects.toMatchObject({ code: 'agent_unavailable' })
  })
})

describe('a turn', () => {
  it('is cancelled at once, also in the middle of a command', async () => {
    const { session, runtime, activities } = await setUp({
      agent: 'scripted:mine',
      devices: allTools,
      scripts: script({ do: 'run', command: ['node', '-e', 'setTimeout(() => {}, 60000)'] }),
    })
    const handle = await runtime.start(session)
    const abort = new AbortController()
    const turn = handle.turn('Go', abort.signal)
    setTimeout(() => abort.abort(), 300)
    const startedAtMs = Date.now()
    expect(await turn).toEqual({ kind: 'cancelled' })
    expect(Date.now() - startedAtMs).toBeLessThan(1500)
    expect(ends(activities).at(-1)?.status).toBe('cancelled')
  })

  it('holds still while paused and goes on where it was', async () => {
    const { session, runtime, activities } = await setUp({
      agent: 'scripted:mine',
      devices: allTools,
      paceFactor: 1,
      scripts: script({ do: 'say', text: 'one two three four five six seven eight nine ten' }),
    })
    const handle = await runtime.start(session)
    const turn = handle.turn('Go', never)
    await new Promise((resolve) => setTimeout(resolve, 90))
    await handle.pause()
    await new Promise((resolve) => setTimeout(resolve, 80))
    const heard = activities.length
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(activities.length).toBe(heard)
    expect(heard).toBeLessThan(10)
    await handle.resume()
    expect(await turn).toEqual({ kind: 'done' })
    expect(textOf(activities)).toBe('one two three four five six seven eight nine ten')
  })

  it('follows a later prompt with the steps for it', async () => {
    const { session, runtime, activities } = await setUp({
      agent: 'scripted:mine',
      devices: allTools,
      scripts: script({ do: 'write', path: 'deep/er/a.txt', text: '{{prompt}}' }),
    })
    const handle = await runtime.start(session)
    await handle.turn('first', never)
    await handle.turn('second', never)
    expect(await readFile(join(session.workareaPath, 'deep/er/a.txt'), 'utf8')).toBe('first')
    expect(textOf(activities)).toContain('You asked: second')
    expect(dirname(session.home)).toBe(dirname(session.workareaPath))
  })
})
