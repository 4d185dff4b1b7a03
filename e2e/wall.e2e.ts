import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createSocketServer, type ListenOptions, type Server as SocketServer } from 'node:net'
import { homedir, networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { closedDoor, createWallKit, never, nodeProgram, until, type WallKit } from './fixtures/wall-kit.ts'

const secret = 'canary-of-the-app'
let kit: WallKit
let victim: ChildProcess
let daemon: Server
let sockets: SocketServer[] = []
const visits: string[] = []

beforeAll(async () => {
  process.env.SIGNALBOX_TEST_SECRET = secret
  kit = createWallKit()
  victim = spawn('sleep', ['600'], { stdio: 'ignore' })
  daemon = createServer((incoming, answer) => {
    visits.push(incoming.url ?? '')
    answer.end('from the daemon')
  })
  await listen(daemon, { host: '::', port: 0 })
  sockets = [
    createSocketServer(() => visits.push('socket')),
    createSocketServer(() => visits.push('abstract')),
  ]
  await listen(sockets[0]!, { path: join(kit.runtimeDirectory, 'daemon.sock') })
  await listen(sockets[1]!, { path: '\0signalbox-test-abstract' })
})

afterAll(async () => {
  delete process.env.SIGNALBOX_TEST_SECRET
  victim?.kill('SIGKILL')
  for (const server of [daemon, ...sockets]) server?.close()
  await kit?.close()
})

function listen(server: SocketServer | Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, resolve)
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no address')
  return address.port
}

function plant(path: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'canary', { mode: 0o666 })
  return path
}

/** The agent that tries, in a workarea of its own, and what it is to try. */
function prepare() {
  const port = portOf(daemon)
  const forwards = [{ insidePort: 4100, host: 'localhost', port }]
  const borrowed = dirname(plant(join(kit.folder, 'borrowed/objects/one')))
  const spec = kit.spec(nodeProgram, [], { forwards, reads: [borrowed] })
  copyFileSync(join(import.meta.dirname, 'fixtures/agent-that-tries.mjs'), join(spec.cwd, 'agent.mjs'))
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
  const targets = {
    files: {
      'ssh-key': plant(join(kit.folder, 'user/.ssh/id_ed25519')),
      token: plant(join(kit.stateDirectory, 'token')),
      database: plant(join(kit.stateDirectory, 'signalbox.db')),
      'other-workarea': plant(join(kit.folder, 'other-workarea/.git/config')),
      'user-profile': plant(join(kit.folder, 'user/.profile')),
    },
    systemFiles: ['/etc/shadow', '/etc/machine-id', '/var/log', '/root/.profile', join(homedir(), '.bashrc')],
    readOnly: ['/usr', '/etc', '/bin', borrowed, dirname(nodeProgram), '/proc/sys', '/'],
    socketPath: join(kit.runtimeDirectory, 'daemon.sock'),
    abstractName: 'signalbox-test-abstract',
    addresses: ['127.0.0.1', '::1', ...own],
    port,
    pid: victim.pid,
    terces: [...secret].reverse().join(''),
    proxyPort: 3128,
    forwardPort: 4100,
    allowed: `localhost:${port}`,
  }
  return { spec, targets, port }
}

interface Report {
  readonly found: Record<string, boolean>
  readonly answers: Record<string, string>
}

/** Lets the agent that tries run and gives what it found, with the questions that the door was asked. */
async function tryEverything(door: 'closed' | 'open') {
  const { spec, targets, port } = prepare()
  const asked: string[] = []
  const outcome = await kit.executor.run(
    {
      ...spec,
      args: ['agent.mjs', JSON.stringify(targets)],
      env: {
        ELECTRON_RUN_AS_NODE: '1',
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      },
    },
    (host, at) => {
      asked.push(`${host}:${at}`)
      const isAllowed = door === 'open' || (host === 'localhost' && at === port)
      return isAllowed ? { ok: true } : closedDoor(host, at)
    },
    { timeoutMs: 100_000, maxOutputBytes: 1_000_000, signal: never },
  )
  expect(outcome.stderr).toBe('')
  const report: Report = JSON.parse(outcome.stdout)
  return { ...report, asked, port }
}

it('stands on this machine, found by trying', async () => {
  const confinement = await kit.executor.probe()
  expect(confinement).toMatchObject({ files: true, network: true, means: 'bubblewrap', remedy: null })
})

it('has targets that can be reached where there is no wall', async () => {
  const { spec, targets } = prepare()
  const text = execFileSync(nodeProgram, ['agent.mjs', JSON.stringify({ ...targets, isHarmless: true })], {
    cwd: spec.cwd,
    encoding: 'utf8',
  })
  const { found }: Report = JSON.parse(text)
  const missed = Object.entries(found).filter(([, isDone]) => !isDone)
  // Other users' processes hide their roots, and some systems forbid hard links.
  const others = missed.map(([name]) => name).filter((name) => !/\/proc\/|^links/.test(name))
  expect(others).toEqual([])
  await until('the visits are heard of', () => visits.includes('socket') && visits.includes('abstract'))
})

it('lets nothing out that an agent tries, and hears what met the door', async () => {
  visits.length = 0
  const { found, answers, asked, port } = await tryEverything('closed')
  const succeeded = Object.entries(found).filter(([, isDone]) => isDone)
  expect(succeeded.map(([name]) => name)).toEqual([])
  expect(Object.keys(found).length).toBeGreaterThan(100)
  expect(answers.refused).toBe('HTTP/1.1 403 Forbidden')
  expect(answers.plain).toBe('HTTP/1.1 403 Forbidden')
  expect(answers.forged).toBe('HTTP/1.1 400 Bad Request')
  expect(answers.nonsense).toBe('HTTP/1.1 400 Bad Request')
  expect(answers.allowed).toBe('HTTP/1.1 200 Connection established')
  expect(asked).toContain('refused.example:443')
  expect(asked).toContain('refused.example:80')
  expect(asked).toContain(`127.0.0.1:${port}`)
  expect(visits).toEqual([])
  expect(victim.exitCode).toBe(null)
})

it('leads to no private address, even through a door that opens to every name', async () => {
  const { answers, found } = await tryEverything('open')
  for (const name of ['loopback', 'mapped', 'number', 'zero', 'metadata'])
    expect({ [name]: answers[name] }).toEqual({ [name]: 'HTTP/1.1 403 Forbidden' })
  expect(answers.localhost).toBe('HTTP/1.1 200 Connection established')
  expect(Object.entries(found).filter(([name, isDone]) => isDone && name.startsWith('reaches'))).toEqual([])
})

it('keeps the secrets of the app out of every command line and environment', async () => {
  const spec = kit.spec('/bin/sh', ['-c', 'sleep 2'], { env: { KEY: 'key-of-the-session' } })
  const child = await kit.executor.launch(spec, closedDoor, never)
  const lines = readFileSync(`/proc/${child.identity.shimPid}/cmdline`, 'latin1')
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
  expect(`${lines}${all}`).not.toContain('key-of-the-session')
  await child.stdout.cancel()
  await child.terminate(500)
})

it('passes no descriptor on', async () => {
  for (const network of [true, false]) {
    const spec = kit.spec('/bin/ls', ['/proc/self/fd'])
    const options = { timeoutMs: 20_000, maxOutputBytes: 10_000, signal: never, network }
    const { stdout } = await kit.executor.run(spec, closedDoor, options)
    expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '3'])
  }
})

it('lets git work inside', async () => {
  const script = `set -e
git init -q -b main .; printf 'one\\n' > file; git add file
git -c user.name=A -c user.email=a@example.invalid commit -q -m first
git log --format=%s; git status --porcelain; echo "$HOME $TMPDIR"; touch "$HOME/.cache" "$TMPDIR/x" /var/tmp/y`
  const spec = kit.spec('/bin/sh', ['-c', script])
  const outcome = await kit.executor.run(spec, closedDoor, {
    timeoutMs: 20_000,
    maxOutputBytes: 10_000,
    signal: never,
    network: false,
  })
  expect({ ...outcome, durationMs: 0 }).toMatchObject({
    code: 0,
    stderr: '',
    stdout: `first\n${spec.home} /tmp\n`,
  })
  expect(existsSync(join(spec.cwd, '.git/HEAD'))).toBe(true)
})

it('carries a forward and an allowed host, bodies whole both ways', async () => {
  const echo = createServer((incoming, answer) => void incoming.pipe(answer))
  await listen(echo, { host: '127.0.0.1', port: 0 })
  const port = portOf(echo)
  const ways = JSON.stringify({ forwardPort: 4200, host: 'localhost', port })
  const forwards = [{ insidePort: 4200, host: 'localhost', port }]
  const env = { ELECTRON_RUN_AS_NODE: '1' }
  const spec = kit.spec(nodeProgram, ['agent.mjs', ways], { forwards, env })
  copyFileSync(join(import.meta.dirname, 'fixtures/agent-that-fetches.mjs'), join(spec.cwd, 'agent.mjs'))
  const asked: string[] = []
  const outcome = await kit.executor.run(
    spec,
    (host, at) => {
      asked.push(`${host}:${at}`)
      return at === port ? { ok: true } : { ok: false, reason: 'Not granted.' }
    },
    { timeoutMs: 30_000, maxOutputBytes: 10_000, signal: never },
  )
  echo.close()
  expect(outcome.stderr).toBe('')
  const whole = { status: 200, isWhole: true, text: '' }
  expect(JSON.parse(outcome.stdout)).toEqual({
    forward: whole,
    plain: whole,
    tunnel: whole,
    refused: { status: 403, isWhole: false, text: 'Not granted.\n' },
  })
  expect(asked).toEqual([...Array(3).fill(`localhost:${port}`), 'elsewhere.example:80'])
})

it('refuses grants that would lay everything open', async () => {
  const options = { timeoutMs: 5000, maxOutputBytes: 1000, signal: never, network: false }
  for (const path of [
    '/',
    homedir(),
    kit.stateDirectory,
    kit.folder,
    join(kit.runtimeDirectory, 'daemon.sock'),
  ]) {
    const spec = kit.spec('/bin/true', [], { reads: [path] })
    await expect(kit.executor.run(spec, closedDoor, options)).rejects.toMatchObject({ code: 'path_refused' })
  }
})

it('ends what runs too long with everything it started, and keeps the ends of long output', async () => {
  const spec = kit.spec('/bin/sh', ['-c', 'seq 1 200000; (trap "" TERM; exec sleep 543) & exec sleep 543'])
  const pieces: string[] = []
  const outcome = await kit.executor.run(spec, closedDoor, {
    timeoutMs: 1500,
    maxOutputBytes: 2000,
    signal: never,
    network: false,
    onOutput: (_stream, chunk) => pieces.push(chunk),
  })
  expect(outcome).toMatchObject({ isTimedOut: true, isTruncated: true, signal: 'SIGKILL' })
  expect(outcome.stdout).toMatch(/^1\n2\n[\s\S]*bytes left out[\s\S]*199999\n200000\n$/)
  expect(pieces.join('').split('\n').length).toBe(200_001)
  expect(spawnSync('pgrep', ['-f', 'sleep 543']).status).toBe(1)
})

it('starts quickly when there is no way out to open', async () => {
  const times: number[] = []
  for (let round = 0; round < 7; round += 1) {
    const spec = kit.spec('/bin/true', [])
    const { durationMs } = await kit.executor.run(spec, closedDoor, {
      timeoutMs: 10_000,
      maxOutputBytes: 100,
      signal: never,
      network: false,
    })
    times.push(durationMs)
  }
  const median = times.sort((a, b) => a - b)[3] ?? 0
  console.log(`a command behind the wall: ${median} ms at the median`)
  expect(median).toBeLessThan(1000)
})
