import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  gitIn,
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

const program = resolve(import.meta.dirname, '../out/main/cli.js')
const ground = makeHome()
const home = join(ground.home, 'state')
afterAll(() => ground.remove())

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly ms: number
}

/** `signalbox …` as a person has it: on the system's Node, not on ours. */
/** What a program of Node takes that does nothing. */
async function bareStartMs(): Promise<number> {
  const startedAtMs = performance.now()
  await once(spawn('node', ['-e', ''], { stdio: 'ignore' }), 'close')
  return performance.now() - startedAtMs
}

async function signalbox(
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): Promise<Said> {
  const { ELECTRON_RUN_AS_NODE: _, NODE_OPTIONS: __, ...env } = process.env
  const startedAtMs = performance.now()
  const child = spawn('node', [program, '--home', home, ...args], { cwd: options.cwd ?? ground.home, env })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  child.stdin.end(options.input ?? '')
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await once(child, 'close')
  clearTimeout(timer)
  return { ...said, code: child.exitCode, ms: performance.now() - startedAtMs }
}

describe('without a daemon', () => {
  it('says that there is none, for people and for scripts', async () => {
    const plain = await signalbox(['ls'])
    expect(plain).toMatchObject({ code: 4, out: '' })
    expect(plain.err).toMatch(/No daemon answers.*signalbox daemon/)
    const json = await signalbox(['ls', '--json'])
    expect(json).toMatchObject({ code: 4, out: '' })
    expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'disconnected' } })
  })

  it('explains itself, and what was written wrongly', async () => {
    expect(await signalbox(['help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Exit codes') as string,
    })
    for (const args of [
      ['run'],
      ['ls', '--colour'],
      ['dance'],
      ['run', '--usd', 'much', 'x'],
      ['ls', '--view', 'x'],
    ])
      expect(await signalbox(args), args.join(' ')).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringMatching(/\S/) as string,
      })
  })

  it('starts one, and ends it with a signal', async () => {
    const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env
    const child = spawn('node', [program, '--home', home, 'daemon', '--no-http'], { env })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await until(
      'it is ready',
      async () => text,
      (said) => said.includes('is ready on'),
    )
    expect(await signalbox(['status'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ready/) as string,
    })
    child.kill('SIGTERM')
    await once(child, 'close')
    expect(child.exitCode).toBe(0)
    expect(await signalbox(['status'])).toMatchObject({ code: 4 })
  })
})

describe('with a daemon', () => {
  let daemon: TestDaemon
  let repository: string
  beforeAll(async () => {
    repository = makeRepository(join(ground.home, 'my häuser'), { 'src/b.txt': 'two\n' })
    writeScript(home, 'note', { steps: [{ do: 'write', path: 'note.txt', text: 'from an agent\n' }] })
    writeScript(home, 'long', { steps: [{ do: 'run', command: ['sleep', '60'] }] })
    writeScript(home, 'fails', { steps: [{ do: 'fail', reason: 'I can not do this.' }] })
    daemon = await startDaemon(home)
  })
  afterAll(() => daemon.kill('SIGTERM'))

  const run = (...args: string[]) => signalbox(['run', '--project', repository, ...args])
  const start = async (agent: string) => (await run('--detach', '--agent', agent, 'Do it.')).out.trim()

  it('answers in little more than the time that Node takes to start', async () => {
    const times: number[] = []
    const bare: number[] = []
    for (let count = 0; count < 7; count++) {
      bare.push(await bareStartMs())
      times.push((await signalbox(['ls'])).ms)
    }
    // The quickest of both, in turn: how long it takes, not how busy the machine is.
    expect(Math.min(...times)).toBeLessThan(4 * Math.min(...bare))
  })

  it('runs a session, shows it, its changes and its proof', async () => {
    const done = await run('--agent', 'scripted:note', 'Leave a note.')
    expect(done).toMatchObject({ code: 0, err: '' })
    const id = /session (ses-\S+)/.exec(done.out)?.[1] ?? ''
    expect((await signalbox(['show', id])).out).toContain('Leave a note.')
    expect((await signalbox(['ls'])).out).toContain('Leave a note.')
    expect((await signalbox(['logs', '-f', id])).out).toMatch(/note\.txt/)
    expect((await signalbox(['diff', id])).out).toMatch(/\+from an agent/)
    expect((await signalbox(['audit', 'verify', id])).out).toMatch(/audit chain verified \(\d+ entries\)/)
    const json = await signalbox(['show', id, '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ row: { id, status: 'completed', changes: { files: 1 } } })
    const lines = (await signalbox(['logs', '-f', '--json', id])).out.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).cursor)).toEqual(lines.map((_, index) => index + 1))
  })

  it('lands, takes back, keeps and discards', async () => {
    const id = /session (ses-\S+)/.exec((await run('--agent', 'scripted:note', 'Note.')).out)?.[1] ?? ''
    const before = gitIn(repository, 'rev-parse', 'main')
    expect(await signalbox(['land', id])).toMatchObject({
      code: 0,
      out: expect.stringContaining('landed on main') as string,
    })
    expect(readFileSync(join(repository, 'note.txt'), 'utf8')).toBe('from an agent\n')
    expect(await signalbox(['land', id])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/already landed/) as string,
    })
    expect(await signalbox(['undo', id])).toMatchObject({ code: 0 })
    expect(gitIn(repository, 'rev-parse', 'main')).toBe(before)
    expect(gitIn(repository, 'status', '--porcelain')).toBe('')
    expect(await signalbox(['keep', id])).toMatchObject({ code: 0 })
    const other = /session (ses-\S+)/.exec((await run('--agent', 'scripted:note', 'Note 2.')).out)?.[1] ?? ''
    expect(await signalbox(['discard', other], { input: 'no\n' })).toMatchObject({ code: 2 })
    expect(await signalbox(['discard', '--yes', other])).toMatchObject({ code: 0 })
    expect((await signalbox(['diff', other])).code).toBe(1)
  })

  it('tells by its exit code how a session ended', async () => {
    expect(await run('--agent', 'scripted:fails', 'x')).toMatchObject({
      code: 1,
      out: expect.stringContaining('I can not do this.') as string,
    })
    const spent = await run('--agent', 'scripted:over-budget', '--tool-calls', '5', 'x')
    expect(spent).toMatchObject({ code: 5, out: expect.stringContaining('tool calls') as string })
    expect(await run('--agent', 'scripted:long', '--time', '1s', 'x')).toMatchObject({ code: 5 })
    const id = await start('scripted:long')
    await until(
      'it runs',
      () => signalbox(['show', id, '--json']),
      ({ out }) => JSON.parse(out).row.phase === 'run',
    )
    expect(await signalbox(['stop', id])).toMatchObject({ code: 0 })
    expect(await signalbox(['logs', '-f', id])).toMatchObject({ code: 3 })
    expect(await signalbox(['show', 'ses-nobodyatallhere'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/session not found/) as string,
    })
    expect(await run('--agent', 'nobody', 'x')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/agent unknown/) as string,
    })
    const elsewhere = await signalbox(['run', '--project', ground.home, '--agent', 'scripted:note', 'x'])
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringMatching(/repository/) as string })
  })

  it('shows processes, who may do what, and model calls; takes a capability away', async () => {
    const id = await start('scripted:long')
    await until(
      'it runs',
      () => signalbox(['show', id, '--json']),
      ({ out }) => JSON.parse(out).row.phase === 'run',
    )
    const ps = await signalbox(['ps'])
    expect(ps).toMatchObject({ code: 0, err: '' })
    expect(ps.out).toMatch(/^PID +STATE[^\n]*\n1 .* fleet\n/)
    expect(ps.out).toContain(`Do it.  ${id.slice(0, 12)}`)
    const rows: { pid: number; kind: string }[] = JSON.parse(
      (await signalbox(['ps', '-s', id, '--json'])).out,
    ).rows
    expect(rows[0]?.kind).toBe('session')
    const caps = await signalbox(['caps', '--pid', String(rows[0]?.pid)])
    expect(caps).toMatchObject({
      code: 0,
      out: expect.stringContaining('its workarea (workarea:wka-') as string,
    })
    const tool = /^(\d+) .* tool:/m.exec(caps.out)?.[1] ?? ''
    expect(await signalbox(['caps', 'revoke', tool])).toMatchObject({ code: 0, out: `revoked ${tool}\n` })
    expect(await signalbox(['caps', 'revoke', tool])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/capability not found/) as string,
    })
    const pid = String(rows[0]?.pid)
    expect(await signalbox(['ps', 'priority', pid, '-3'])).toMatchObject({ code: 0, err: '' })
    expect(await signalbox(['ps', 'suspend', pid])).toMatchObject({ code: 0, out: `suspended ${pid}\n` })
    expect(await signalbox(['ps', 'resume', pid])).toMatchObject({ code: 0, out: `resumed ${pid}\n` })
    expect(await signalbox(['ps', 'kill', '999999'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/process not found \(pid: 999999\)/) as string,
    })
    expect((await signalbox(['models'])).out).toMatch(/0 calls/)
    expect((await signalbox(['models', '--prices'])).out).toMatch(/per million tokens/)
    expect(await signalbox(['ps', 'x'])).toMatchObject({ code: 2, out: '' })
    expect(await signalbox(['stop', id])).toMatchObject({ code: 0 })
    expect((await signalbox(['audit', 'verify', id])).out).toContain('verified')
  })

  it('answers a question', async () => {
    const id = await start('scripted:ask')
    await until(
      'it asks',
      () => signalbox(['show', id, '--json']),
      ({ out }) => JSON.parse(out).asks.length === 1,
    )
    expect(await signalbox(['answer', id, 'perhaps'])).toMatchObject({ code: 2 })
    expect(await signalbox(['answer', id, 'allow'])).toMatchObject({ code: 0 })
    expect(await signalbox(['logs', '-f', id])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Thank you') as string,
    })
    expect((await signalbox(['answer', id, 'allow'])).code).toBe(1)
  })
})
