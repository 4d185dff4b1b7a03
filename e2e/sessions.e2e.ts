import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProjectId, SessionId } from '../src-main/contract/ids.ts'
import type { SubmitInput } from '../src-main/contract/session.ts'
import {
  gitIn,
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'
import { processesOf } from './fixtures/process-tree.ts'

const ground = makeHome()
const home = join(ground.home, 'state')
const repository = join(ground.home, 'repository')
let daemon: TestDaemon
let projectId: ProjectId

beforeAll(async () => {
  makeRepository(repository)
  writeScript(home, 'note', {
    steps: [{ do: 'write', path: 'note.txt', text: 'first\n' }],
    followUp: [
      { do: 'run', command: ['cat', 'note.txt'] },
      { do: 'write', path: 'more.txt', text: '{{prompt}}\n' },
    ],
  })
  writeScript(home, 'long', { steps: [{ do: 'run', command: ['sh', '-c', 'sleep 60 & sleep 60'] }] })
  writeScript(home, 'ticking', {
    steps: [
      {
        do: 'repeat',
        times: 2000,
        steps: [
          { do: 'progress', text: 'tick {{n}}' },
          { do: 'sleep', ms: 50 },
        ],
      },
    ],
    followUp: [{ do: 'say', text: 'You said: {{prompt}}' }],
  })
  daemon = await startDaemon(home, { env: { SIGNALBOX_SCRIPT_PACE: '1' } })
  projectId = (await daemon.client.project.add({ path: repository })).projectId
})
afterAll(async () => {
  expect(await daemon.client.audit.verifyAll({})).toMatchObject({ ok: true, broken: [] })
  await daemon.kill('SIGTERM')
  expect(processesOf(ground.home)).toEqual([])
  ground.remove()
})

type More = Partial<Parameters<TestDaemon['client']['session']['submit']>[0]>

async function submit(agent: SubmitInput['agent'], more: More = {}): Promise<SessionId> {
  return (await daemon.client.session.submit({ projectId, prompt: 'Do it.', agent, ...more })).sessionId
}
const rowOf = async (sessionId: SessionId) => (await daemon.client.session.get({ sessionId })).row
const ended = (id: SessionId) =>
  until(
    'it has ended',
    () => rowOf(id),
    (row) => row.endedAtMs !== null,
  )
const running = (id: SessionId) =>
  until(
    'it runs',
    () => rowOf(id),
    (row) => row.phase === 'run',
  )
const said = async (sessionId: SessionId) =>
  JSON.stringify((await daemon.client.session.activities({ sessionId, limit: 2000 })).items)

describe('a budget', () => {
  it('of tool calls ends the session at the very call', async () => {
    const row = await ended(await submit('scripted:over-budget', { budget: { toolCalls: 7 } }))
    expect(row).toMatchObject({ status: 'failed', endReason: { kind: 'quota', resource: 'toolCalls' } })
    expect(row.usage.toolCalls).toBe(7)
    expect(row.changes?.files).toBe(7)
    expect(row.endMessage).toMatch(/tool calls/)
  })

  it('of time ends the session and all its processes', async () => {
    const id = await submit('scripted:long', { budget: { wallMs: 1200 } })
    const row = await ended(id)
    expect(row).toMatchObject({ status: 'failed', endReason: { kind: 'quota', resource: 'wallMs' } })
    expect(row.usage.wallMs).toBeGreaterThanOrEqual(1000)
    expect(row.usage.wallMs).toBeLessThan(4000)
    await until(
      'its processes are gone',
      async () => processesOf(join(home, 'workareas')),
      (list) => list.length === 0,
    )
  })
})

it('a stopped session ends with its processes, and keeps what it had done', async () => {
  const id = await submit('scripted:long')
  await running(id)
  await daemon.client.session.stop({ sessionId: id })
  await daemon.client.session.stop({ sessionId: id }).catch(() => undefined)
  const row = await ended(id)
  expect(row).toMatchObject({ status: 'stopped', workareaState: 'held', isStopping: false })
  await until(
    'its processes are gone',
    async () => processesOf(join(home, 'workareas')),
    (list) => list.length === 0,
  )
  await expect(daemon.client.session.stop({ sessionId: id })).rejects.toMatchObject({ code: 'session_ended' })
})

it('a paused session does nothing and its time stands still; it takes prompts when it goes on', async () => {
  const id = await submit('scripted:ticking')
  await until(
    'it ticks',
    () => said(id),
    (text) => text.includes('tick 3'),
  )
  await daemon.client.session.pause({ sessionId: id })
  await until(
    'it is paused',
    () => rowOf(id),
    (row) => row.isPaused,
  )
  await new Promise((done) => setTimeout(done, 150))
  const before = (await daemon.client.session.activities({ sessionId: id, limit: 2000 })).lastCursor
  await new Promise((done) => setTimeout(done, 600))
  expect((await daemon.client.session.activities({ sessionId: id, limit: 2000 })).lastCursor).toBe(before)
  await daemon.client.session.resume({ sessionId: id })
  await until(
    'it goes on',
    () => daemon.client.session.activities({ sessionId: id }),
    (now) => now.lastCursor > before,
  )
  await daemon.client.session.prompt({ sessionId: id, text: 'And then?' })
  expect((await daemon.client.session.get({ sessionId: id })).queuedPrompts).toMatchObject([
    { text: 'And then?', delivered: false },
  ])
  await daemon.client.session.stop({ sessionId: id })
  expect(await ended(id)).toMatchObject({ status: 'stopped', isPaused: false })
  await expect(daemon.client.session.resume({ sessionId: id })).rejects.toMatchObject({
    code: 'session_not_paused',
  })
})

it('a prompt to a running session is its next turn', async () => {
  const id = await submit('scripted:note', { prompt: 'one' })
  await daemon.client.session.prompt({ sessionId: id, text: 'the second thing' })
  expect(await ended(id)).toMatchObject({ status: 'completed', changes: { files: 2 } })
  expect(await said(id)).toContain('the second thing')
})

it('a follow-up goes on in the same workarea; then it is kept, landed, taken back and discarded', async () => {
  const { client } = daemon
  const first = await submit('scripted:note')
  const { workareaId } = await ended(first)
  const second = await submit('scripted:note', { continues: first, prompt: 'and more' })
  await expect(client.session.land({ sessionId: first })).rejects.toMatchObject({
    code: 'session_still_running',
  })
  expect(await ended(second)).toMatchObject({
    status: 'completed',
    workareaId,
    continues: first,
    changes: { files: 2 },
  })
  const before = gitIn(repository, 'rev-parse', 'main')
  const landed = await client.session.land({ sessionId: second })
  expect(gitIn(repository, 'rev-parse', 'main')).toBe(landed.commit)
  expect(gitIn(repository, 'show', 'main:more.txt')).toBe('and more')
  expect(await rowOf(second)).toMatchObject({ workareaState: 'landed' })
  await client.session.undoLand({ sessionId: second })
  expect(gitIn(repository, 'rev-parse', 'main')).toBe(before)
  expect(gitIn(repository, 'status', '--porcelain')).toBe('')
  await client.session.discard({ sessionId: second })
  const refs = () => gitIn(repository, 'for-each-ref', '--format=%(refname)', 'refs/signalbox')
  await until(
    'its clone is gone',
    async () => refs(),
    (list) => !list.includes(`${first}/base`),
  )
  await expect(client.workarea.changes({ sessionId: second })).rejects.toMatchObject({
    code: 'workarea_gone',
  })
  await expect(submit('scripted:note', { continues: second })).rejects.toMatchObject({
    code: 'workarea_gone',
  })
})
