import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  makeHome,
  makeRepository,
  startDaemon,
  startRefused,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

const ground = makeHome()
afterAll(() => ground.remove())

/** Every file of a state directory by content; the log tells of refused starts and may grow. */
function contentsOf(home: string): Record<string, string> {
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' })
  return Object.fromEntries(
    files
      .filter((name) => !name.startsWith('logs') && statSync(join(home, name)).isFile())
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(home, name)))
          .digest('hex'),
      ]),
  )
}

async function runOne({ client }: TestDaemon, repository: string, agent: string) {
  const { projectId } = await client.project.add({ path: repository })
  const { sessionId } = await client.session.submit({ projectId, prompt: 'Do it.', agent })
  return until(
    'it has ended',
    async () => (await client.session.get({ sessionId })).row,
    (row) => row.endedAtMs !== null,
  )
}

/** A state directory with the history of one session, and nobody who uses it. */
async function usedHome(name: string): Promise<string> {
  const home = join(ground.home, name)
  const agent = writeScript(home, 'note', { steps: [{ do: 'write', path: 'n.txt', text: 'n\n' }] })
  const daemon = await startDaemon(home)
  expect(await runOne(daemon, makeRepository(`${home} repository`), agent)).toMatchObject({
    status: 'completed',
  })
  await daemon.kill('SIGTERM')
  return home
}

describe('a database that can not be used', () => {
  let home: string
  let database: string
  let good: Buffer
  beforeAll(async () => {
    home = await usedHome('damaged')
    database = join(home, 'signalbox.db')
    good = readFileSync(database)
  })

  async function expectUntouched(words: RegExp) {
    const before = contentsOf(home)
    const { code, output } = await startRefused(home)
    const after = contentsOf(home)
    writeFileSync(database, good)
    expect(code).toBe(1)
    expect(output).toMatch(words)
    expect(output).not.toMatch(/^\s+at /m)
    expect(after).toEqual(before)
  }

  it('is left as it is when it is no database', async () => {
    writeFileSync(database, 'these are my notes, not a database\n'.repeat(300))
    await expectUntouched(/can't be read.*left as it is/s)
  })

  it('is left as it is when pages of it are damaged', async () => {
    const damaged = Buffer.from(good)
    for (let at = 4096; at < damaged.length; at += 4096 * 3) damaged.fill(0xa5, at, at + 2000)
    writeFileSync(database, damaged)
    await expectUntouched(/can't be read.*left as it is/s)
  })

  it('is left as it is when it was cut off', async () => {
    writeFileSync(database, good.subarray(0, Math.floor(good.length / 2)))
    await expectUntouched(/can't be read.*left as it is/s)
  })

  it('is left as it is when it belongs to another program', async () => {
    const other = join(ground.home, 'other.db')
    const db = new Database(other)
    db.exec('CREATE TABLE recipes (id INTEGER PRIMARY KEY, text TEXT)')
    db.close()
    writeFileSync(database, readFileSync(other))
    await expectUntouched(/belongs to another program/)
  })

  it('is left as it is when a newer Signalbox wrote it', async () => {
    const db = new Database(database)
    db.pragma('user_version = 999')
    db.close()
    await expectUntouched(/newer Signalbox/)
  })

  it('serves again when it is whole again', async () => {
    const daemon = await startDaemon(home)
    expect(await daemon.client.audit.verifyAll({})).toMatchObject({ ok: true })
    await daemon.kill('SIGTERM')
  })
})

it('a second start says so, and disturbs nothing', async () => {
  const home = join(ground.home, 'twice')
  const daemon = await startDaemon(home)
  const before = contentsOf(home)
  const { code, output } = await startRefused(home)
  expect(code).toBe(1)
  expect(output).toMatch(/runs already/)
  expect(contentsOf(home)).toEqual(before)
  expect(await daemon.client.fleet.overview({})).toMatchObject({ daemon: 'ready' })
  await daemon.kill('SIGKILL')
  const next = await startDaemon(home)
  await next.kill('SIGTERM')
})

describe('a state directory that can not be written', () => {
  // Root may write everywhere, so as root another user tries.
  const someone = process.getuid?.() === 0 ? 61_234 : undefined
  const runtime = { XDG_RUNTIME_DIR: join(ground.home, 'run') }
  const options = { env: runtime, ...(someone === undefined ? {} : { uid: someone }) }
  const give = (path: string) => someone !== undefined && chownSync(path, someone, someone)
  beforeAll(() => {
    chmodSync(ground.home, 0o755)
    mkdirSync(runtime.XDG_RUNTIME_DIR, { mode: 0o700 })
    give(runtime.XDG_RUNTIME_DIR)
  })

  it('is named, when it does not exist and can not be made', async () => {
    const locked = join(ground.home, 'locked')
    mkdirSync(locked, { mode: 0o555 })
    give(locked)
    chmodSync(locked, 0o555)
    const { code, output } = await startRefused(join(locked, 'state'), options)
    expect(code).toBe(1)
    expect(output).toMatch(/locked\/state can't be written to \(EACCES\)/)
    expect(readdirSync(locked)).toEqual([])
  })

  it('is named, when it is read-only', async () => {
    const home = join(ground.home, 'readonly')
    mkdirSync(home, { mode: 0o700 })
    give(home)
    chmodSync(home, 0o500)
    const { code, output } = await startRefused(home, options)
    expect(code).toBe(1)
    expect(output).toMatch(/readonly.* can't be written to/)
    expect(output).not.toMatch(/^\s+at /m)
    expect(readdirSync(home)).toEqual([])
  })

  it('is named, when it is a file', async () => {
    const file = join(ground.home, 'file')
    writeFileSync(file, 'mine')
    const { code, output } = await startRefused(file)
    expect(code).toBe(1)
    expect(output).toMatch(/file can't be written to/)
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })
})

describe('a disk that is full', () => {
  it('loses nothing of what was accepted, says so, and goes on when there is room', async () => {
    const home = await usedHome('full')
    const repository = `${home} repository`
    // No file may grow above 768 KiB: works for everybody, where a small file system would need root.
    const through = ['bash', '-c', 'ulimit -f 768; exec "$@"', 'bash']
    const daemon = await startDaemon(home, { through })
    const { client } = daemon
    const projectId = (await client.project.list({}))[0]?.id
    if (!projectId) throw new Error('there is a project')
    const accepted: string[] = []
    let refusal: unknown
    for (let tries = 0; tries < 40 && refusal === undefined; tries++) {
      await client.session
        .submit({ projectId, prompt: `${tries} ${'x'.repeat(90_000)}`, agent: 'scripted:note' })
        .then(({ sessionId }) => accepted.push(sessionId))
        .catch((error: unknown) => {
          refusal = error
        })
    }
    expect(refusal).toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('no space left') as string,
    })
    expect(await client.fleet.overview({})).toMatchObject({ stateDirectory: home })
    await client.session.list({})
    await daemon.kill('SIGTERM')
    const next = await startDaemon(home)
    const rows = await until(
      'all have ended',
      async () => (await next.client.session.list({})).rows,
      (all) => all.every((row) => row.endedAtMs !== null),
    )
    expect(accepted.filter((id) => !rows.some((row) => row.id === id))).toEqual([])
    expect(await next.client.audit.verifyAll({})).toMatchObject({ ok: true, broken: [] })
    expect(await runOne(next, repository, 'scripted:note')).toMatchObject({ status: 'completed' })
    await next.kill('SIGTERM')
  })
})
