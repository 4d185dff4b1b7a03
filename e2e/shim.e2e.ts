import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Child, ChildIdentity, LaunchSpec } from '../src-main/ports/executor.ts'
import { isAlive } from '../src-main/shim/process-identity.ts'
import {
  closedDoor,
  createWallKit,
  executorOn,
  never,
  nodeProgram,
  readAll,
  until,
  type WallKit,
} from './fixtures/wall-kit.ts'

let kit: WallKit

beforeEach(() => {
  kit = createWallKit()
})

afterEach(async () => {
  const { folder } = kit
  await kit.close()
  await until('no process of the test is left', () => leftovers(folder).length === 0)
})

/** Processes that work in this test's folder or were started with it. */
function leftovers(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const isThere = readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      return isThere || readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder)
    } catch {
      return false
    }
  })
}

function counting(lines: number, pauseMs: number, more: Partial<LaunchSpec> = {}): LaunchSpec {
  const args = ['agent.mjs', String(lines), String(pauseMs)]
  const spec = kit.spec(nodeProgram, args, { env: { ELECTRON_RUN_AS_NODE: '1' }, ...more })
  copyFileSync(join(import.meta.dirname, 'fixtures/agent-that-counts.mjs'), join(spec.cwd, 'agent.mjs'))
  return spec
}

interface DyingApp {
  readonly process: ChildProcess
  readonly identity: ChildIdentity
  /** Waits until the app has taken so many bytes of the child's output. */
  took(bytes: number): Promise<number>
}

async function startApp(spec: LaunchSpec): Promise<DyingApp> {
  const script = join(import.meta.dirname, 'fixtures/app-that-dies.ts')
  const process = spawn(nodeProgram, [script, kit.folder, JSON.stringify(spec)], {
    env: { PATH: '/usr/bin:/bin', ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  const identity: ChildIdentity = JSON.parse(first.value ?? '')
  return {
    process,
    identity,
    async took(bytes) {
      for (;;) {
        const line = await lines.next()
        if (line.done || Number(line.value) >= bytes) return Number(line.value)
      }
    },
  }
}

async function kill(app: DyingApp): Promise<void> {
  const gone = new Promise((done) => app.process.once('exit', done))
  app.process.kill('SIGKILL')
  await gone
}

async function adopt(identity: ChildIdentity, fromByte = 0): Promise<Child> {
  const child = await kit.executor.adopt(identity, { sessionId: 's', forwards: [] }, closedDoor, fromByte)
  if (!child) throw new Error('nothing to adopt')
  return child
}

async function tell(child: Child, text: string): Promise<void> {
  const writer = child.stdin.getWriter()
  await writer.write(new TextEncoder().encode(text))
  writer.releaseLock()
}

function expected(lines: number): string[] {
  return Array.from({ length: lines }, (_, n) => `line ${n} ${'x'.repeat(40)}`)
}

function isFrozen(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  if (/^\d+ \(.*\) [Tt] /.test(stat)) return true
  const group = readFileSync(`/proc/${pid}/cgroup`, 'utf8').match(/^0::(.*signalbox-.*)$/m)?.[1]
  const root = readFileSync('/proc/self/mounts', 'utf8').match(/^\S+ (\S+) cgroup2 /m)?.[1]
  return (
    group !== undefined && /frozen 1/.test(readFileSync(join(root ?? '', group, 'cgroup.events'), 'utf8'))
  )
}

it('keeps a child through a SIGKILL of the app: adopted, every byte there once, stdin goes on', async () => {
  const app = await startApp(counting(20_000, 2))
  const taken = await app.took(100_000)
  await kill(app)
  expect(isAlive(app.identity.pid, app.identity.startTime)).toBe(true)
  await new Promise((done) => setTimeout(done, 200))

  const child = await adopt(app.identity, taken)
  expect(child.confinement).toMatchObject({ files: true, network: true })
  await tell(child, 'from the second app\n')
  const rest = readAll(child.stdout)
  await until('all lines are counted', () => existsSync(join(child.identity.logPath ?? '', 'out.0')))
  const whole = () => readFileSync(join(child.identity.logPath ?? '', 'out.0'), 'utf8')
  await until('the child has counted', () => whole().includes('counted\n'))
  await tell(child, 'end\n')
  expect(await child.exited).toEqual({ code: 7, signal: null })

  const text = whole()
  expect((await rest).toString()).toBe(text.slice(taken))
  const lines = text.split('\n')
  expect(lines.filter((line) => line.startsWith('line '))).toEqual(expected(20_000))
  expect(lines.filter((line) => line.startsWith('heard '))).toEqual([
    'heard from the first app',
    'heard from the second app',
  ])
})

it('hands over from app to app many times without a byte lost or doubled', async () => {
  const spec = counting(30_000, 3)
  const first = await kit.executor.launch(spec, closedDoor, never)
  let at = 0
  let text = ''
  let child = first
  for (let turn = 0; turn < 5; turn += 1) {
    const reader = child.stdout.getReader()
    const until = at + 20_000
    while (at < until) {
      const { value, done } = await reader.read()
      if (done) break
      at += value.byteLength
      text += Buffer.from(value).toString()
    }
    await tell(child, `turn ${turn}\n`)
    await child.detach()
    child = await adopt(first.identity, at)
  }
  const rest = readAll(child.stdout)
  await tell(child, 'end\n')
  await child.exited
  text += (await rest).toString()
  const lines = text.split('\n').filter((line) => line.startsWith('line '))
  expect(lines).toEqual(expected(lines.length))
  expect(text.match(/heard turn \d/g)).toEqual([0, 1, 2, 3, 4].map((turn) => `heard turn ${turn}`))
})

it('tells of a child that ended while no app was there', async () => {
  const app = await startApp(kit.spec('/bin/sh', ['-c', 'echo one; read a; sleep 0.5; echo two; exit 5']))
  await app.took(4)
  await kill(app)
  await until('the child has ended', () => existsSync(join(app.identity.logPath ?? '', 'exit.json')))
  await until('its shim is gone', () => !existsSync(app.identity.socketPath ?? ''))
  const child = await adopt(app.identity, 4)
  expect(await child.exited).toEqual({ code: 5, signal: null })
  expect((await readAll(child.stdout)).toString()).toBe('two\n')
})

it('finds nothing where nothing is, and claims no process by its number alone', async () => {
  const gone = { shimPid: 1, pid: 999_999_999, startTime: '1', socketPath: null, logPath: null }
  const spec = { sessionId: 's', forwards: [] }
  expect(await kit.executor.adopt(gone, spec, closedDoor, 0)).toBe(undefined)
  const other = { ...gone, pid: process.pid, startTime: '12345' }
  expect(await kit.executor.adopt(other, spec, closedDoor, 0)).toBe(undefined)
})

it('ends a child that does not survive with its app', async () => {
  const app = await startApp(kit.spec('/bin/sh', ['-c', 'echo up; sleep 600'], { survives: false }))
  await app.took(3)
  await kill(app)
  await until('the child has ended', () => !isAlive(app.identity.pid, app.identity.startTime))
})

it('ends the child when its shim is killed, and says so', async () => {
  const child = await kit.executor.launch(
    kit.spec('/bin/sh', ['-c', 'echo up; sleep 600']),
    closedDoor,
    never,
  )
  process.kill(child.identity.shimPid ?? 0, 'SIGKILL')
  expect(await child.exited).toEqual({ code: null, signal: null })
  expect(isAlive(child.identity.pid, child.identity.startTime)).toBe(false)
})

it('freezes every process and thaws them, twice each without harm', async () => {
  const script = 'sh -c "while :; do echo tick >> ticks; sleep 0.01; done" & echo up; cat'
  const spec = kit.spec('/bin/sh', ['-c', script])
  const child = await kit.executor.launch(spec, closedDoor, never)
  const size = () => readFileSync(join(spec.cwd, 'ticks')).length
  await until('it ticks', () => existsSync(join(spec.cwd, 'ticks')) && size() > 20)
  await child.freeze()
  await child.freeze()
  expect(isFrozen(child.identity.pid)).toBe(true)
  const frozen = size()
  await new Promise((done) => setTimeout(done, 300))
  expect(size()).toBe(frozen)
  await child.thaw()
  await child.thaw()
  await until('it ticks again', () => size() > frozen)
  await child.freeze()
  void child.stdout.cancel()
  expect((await child.terminate(1000)).code).toBe(143)
})

it('gives a child time to end itself, then ends all of it', async () => {
  const polite = 'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.05; done'
  const first = await kit.executor.launch(kit.spec('/bin/bash', ['-c', polite]), closedDoor, never)
  const said = readAll(first.stdout)
  await until('it is up', () => readdirSync(first.identity.logPath ?? '').includes('out.0'))
  expect(await first.terminate(5000)).toEqual({ code: 9, signal: null })
  expect((await said).toString()).toBe('up\nbye\n')

  const stubborn =
    'trap "" TERM; (trap "" TERM; sleep 9876) & setsid sh -c "trap \'\' TERM; sleep 9876" & echo up; sleep 9876; sleep 9876'
  const second = await kit.executor.launch(kit.spec('/bin/bash', ['-c', stubborn]), closedDoor, never)
  void second.stdout.cancel()
  await until(
    'they sleep',
    () => spawnSync('pgrep', ['-fc', 'sleep 9876'], { encoding: 'utf8' }).stdout.trim() > '2',
  )
  const startedAt = Date.now()
  expect((await second.terminate(300)).signal).toBe('SIGKILL')
  expect(Date.now() - startedAt).toBeLessThan(5000)
  expect(spawnSync('pgrep', ['-f', 'sleep 9876']).status).toBe(1)
})

it('leaves no socket, folder or process behind', async () => {
  const child = await kit.executor.launch(kit.spec('/bin/sh', ['-c', 'echo done']), closedDoor, never)
  expect((await readAll(child.stdout)).toString()).toBe('done\n')
  expect(await child.exited).toEqual({ code: 0, signal: null })
  await until('the sockets are gone', () => readdirSync(kit.runtimeDirectory).every((name) => name === 'etc'))
  await until('the shim is gone', () => !existsSync(`/proc/${child.identity.shimPid}`))
  await kit.executor.close()
  expect(readdirSync(join(kit.stateDirectory, 'children'))).toEqual([])
})

it('opens the way out again after an adoption', async () => {
  const server = createServer((_incoming, answer) => answer.end('reached'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const script =
    "process.stdin.on('data', async () => console.log(await (await fetch('http://127.0.0.1:4300/')).text()))"
  const env = { ELECTRON_RUN_AS_NODE: '1' }
  const forwards = [{ insidePort: 4300, host: '127.0.0.1', port }]
  const first = await kit.executor.launch(
    kit.spec(nodeProgram, ['-e', script], { forwards, env }),
    () => ({ ok: true }),
    never,
  )
  await tell(first, 'go\n')
  const reader = first.stdout.getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toMatch(/^reached/)
  await first.detach()
  const second = await kit.executor.adopt(
    first.identity,
    { sessionId: 's', forwards },
    () => ({ ok: true }),
    8,
  )
  await tell(second!, 'go\n')
  const next = second!.stdout.getReader()
  expect(Buffer.from((await next.read()).value ?? []).toString()).toMatch(/^reached/)
  await second!.terminate(500)
  await next.cancel()
  server.close()
})

it('refuses a socket path that the system would cut', async () => {
  const long = join(kit.folder, 'd'.repeat(90))
  mkdirSync(long)
  const executor = executorOn(long)
  const launched = executor.launch(kit.spec('/bin/true', []), closedDoor, never)
  await expect(launched).rejects.toMatchObject({ code: 'socket_path_too_long' })
  await executor.close()
})

it('says why a program did not start, and stops starting when told to', async () => {
  const missing = await kit.executor.launch(kit.spec('/usr/bin/no-such-agent', []), closedDoor, never)
  void missing.stdout.cancel()
  expect((await missing.exited).code).toBe(127)
  expect(missing.stderrTail()).toContain('No such file')
  const spec = kit.spec('/bin/sh', ['-c', 'sleep 600'])
  await expect(kit.executor.launch({ ...spec, cwd: '/somewhere' }, closedDoor, never)).rejects.toMatchObject({
    code: 'path_refused',
  })
  const stop = new AbortController()
  const launched = kit.executor.launch(spec, closedDoor, stop.signal)
  setTimeout(() => stop.abort(), 60)
  await expect(launched).rejects.toThrow()
})

it('starts nothing without a wall unless that was accepted, and then says so', async () => {
  const folder = join(kit.folder, 'other')
  mkdirSync(folder)
  // A helper that gives up at once: here the wall can't stand.
  const executor = executorOn(folder, '/usr/bin/false')
  expect(await executor.probe()).toMatchObject({ files: false, network: false, means: 'none' })
  const spec = kit.spec('/bin/sh', ['-c', 'read a; echo "$a $HTTP_PROXY"; sleep 4321 & sleep 4321'])
  await expect(executor.launch(spec, closedDoor, never)).rejects.toMatchObject({ code: 'not_confined' })
  const child = await executor.launch({ ...spec, acceptUnconfined: true }, closedDoor, never)
  expect(child.confinement).toMatchObject({ files: false, network: false, means: 'none' })
  await tell(child, 'open\n')
  const reader = child.stdout.getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('open \n')
  await child.freeze()
  await child.detach()
  const again = await executor.adopt(child.identity, { sessionId: 's', forwards: [] }, closedDoor, 6)
  void again?.stdout.cancel()
  expect(again?.confinement.means).toBe('none')
  expect(await again?.terminate(2000)).toMatchObject({ signal: 'SIGTERM' })
  expect(spawnSync('pgrep', ['-f', 'sleep 4321']).status).toBe(1)
  const ran = await executor.run({ ...spec, args: ['-c', 'exit 3'], acceptUnconfined: true }, closedDoor, {
    timeoutMs: 5000,
    maxOutputBytes: 100,
    signal: never,
  })
  expect(ran.code).toBe(3)
  await executor.close()
})
