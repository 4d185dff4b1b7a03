import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ProcessRow } from '../src-main/contract/process.ts'
import { bundleAgent } from './fixtures/bundled-agent.ts'
import {
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

/** Programs of sessions, real ones behind the wall: seen as processes, held while they are, ended when they are. */
const place = makeHome()
const home = join(place.home, 'state')
let daemon: TestDaemon
let projectId: Awaited<ReturnType<TestDaemon['client']['project']['add']>>['projectId']
let program: string

beforeAll(async () => {
  program = await bundleAgent(join(place.home, 'agent'))
  daemon = await startDaemon(home)
  const added = await daemon.client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  projectId = added.projectId
})

afterAll(async () => {
  await daemon?.kill('SIGTERM')
  place.remove()
})

const ticking = 'while :; do echo tick >> ticks; sleep 0.01; done'

/** Submits and waits until its program ticks. */
async function start(agent: string, title: string) {
  const { client } = daemon
  const { sessionId } = await client.session.submit({ projectId, agent, prompt: title, title })
  const detail = () => client.session.get({ sessionId })
  const { workareaPath } = await until('it has a workarea', detail, (now) => now.workareaPath !== null)
  const file = join(workareaPath ?? '', 'ticks')
  const ticks = async () => (existsSync(file) ? readFileSync(file).length : 0)
  await until('it ticks', ticks, (count) => count > 50)
  const parts = async () =>
    (await client.process.list({ sessionId })).rows.filter((row) => row.kind === 'part')
  return { sessionId, detail, ticks, parts }
}

type Started = Awaited<ReturnType<typeof start>>

async function standsStill({ ticks }: Started): Promise<void> {
  const before = await ticks()
  await new Promise((done) => setTimeout(done, 700))
  expect(await ticks()).toBe(before)
}

async function goesOn({ ticks }: Started): Promise<void> {
  const before = await ticks()
  await until('it goes on', ticks, (count) => count > before)
}

/** Holds the session, and one of its processes, and sees each time that the program does nothing meanwhile. */
async function holdAndLetGo(started: Started, part: ProcessRow): Promise<void> {
  const { client } = daemon
  const { sessionId, detail, parts } = started
  await client.session.pause({ sessionId })
  await until('it is paused', detail, ({ row }) => row.isPaused)
  await standsStill(started)
  expect((await parts()).find(({ pid }) => pid === part.pid)?.state).toBe('stopped')
  await client.session.resume({ sessionId })
  await goesOn(started)
  await client.process.suspend({ pid: part.pid })
  const stateOf = async () => (await parts()).find(({ pid }) => pid === part.pid)?.state
  await until('it is suspended', stateOf, (state) => state === 'stopped')
  await new Promise((done) => setTimeout(done, 100))
  await standsStill(started)
  await client.process.resume({ pid: part.pid })
  await goesOn(started)
}

it("a tool's command stands still while its session is paused, and ends when its process does", async () => {
  const { client } = daemon
  const agent = writeScript(home, 'ticking', {
    steps: [
      { do: 'run', command: ['sh', '-c', ticking], expect: 'any' },
      { do: 'say', text: 'it is over' },
    ],
  })
  const started = await start(agent, 'Tick for ever')
  const [part] = await until('it is a process', started.parts, (rows) => rows.length === 1)
  if (!part) throw new Error('no part')
  expect(part.name).toBe('sh')
  await holdAndLetGo(started, part)
  const measured = async () => (await started.parts())[0]
  const row = await until('it is measured', measured, (now) => (now?.program?.cpuMs ?? 0) > 0)
  expect(row?.reductions).toBeGreaterThan(0)
  expect(row?.program?.memoryBytes).toBeGreaterThan(100_000)
  await client.process.kill({ pid: part.pid })
  await until('the session goes on without it', started.detail, (now) => now.row.status === 'completed')
  await standsStill(started)
})

it("an agent's program and its terminal are processes of the session: held, charged and ended as such", async () => {
  const { client } = daemon
  const script = { prompts: [[{ say: 'at work' }, { terminal: { command: 'sh', args: ['-c', ticking] } }]] }
  const custom = { name: 'ticker', file: program, args: [JSON.stringify(script)], env: {}, hosts: [] }
  await client.settings.set({ customAgents: [custom] })
  const agents = () => client.agent.list({})
  const found = await until('the agent is known', agents, (list) =>
    list.some(({ id }) => id === 'custom:ticker'),
  )
  expect(found.find(({ id }) => id === 'custom:ticker')?.state).toBe('ready')
  const started = await start('custom:ticker', 'Tick in a terminal')
  const rows = await until('both are processes', started.parts, (now) => now.length === 2)
  expect(rows.map(({ name }) => name).sort()).toEqual(['custom:ticker', 'sh'])
  const terminal = rows.find(({ name }) => name === 'sh')
  if (!terminal) throw new Error('no terminal')
  await holdAndLetGo(started, terminal)
  const charged = async () => (await started.parts()).find(({ name }) => name === 'custom:ticker')
  const own = await until('it is charged', charged, (row) => (row?.reductions ?? 0) > 10)
  expect(own?.program?.cpuMs).toBeGreaterThan(10)
  await client.process.kill({ pid: own?.pid ?? 0 })
  await until('the session has ended', started.detail, ({ row }) => row.status === 'failed')
  await standsStill(started)
  expect(await started.parts()).toEqual([])
  const { entries } = await client.audit.entries({ chain: `session:${started.sessionId}`, limit: 500 })
  const kinds = entries.map(({ eventKind }) => eventKind)
  expect(kinds.filter((kind) => kind === 'process-spawned')).toHaveLength(3)
  expect(kinds.filter((kind) => kind === 'process-exited')).toHaveLength(3)
})
