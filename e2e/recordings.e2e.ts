import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundleAgent } from './fixtures/bundled-agent.ts'
import {
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

/** Recordings on disk: what is whole, what is not, what it takes up, and what may go. */
const place = makeHome()
const home = join(place.home, 'state')
const folder = join(home, 'recordings')
let daemon: TestDaemon
let projectId: Awaited<ReturnType<TestDaemon['client']['project']['add']>>['projectId']
type SessionId = Awaited<ReturnType<TestDaemon['client']['session']['submit']>>['sessionId']

beforeAll(async () => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of ['ses-nobody1.jnl', 'ses-nobody2.jnl.part', 'ses-nobody3.jnl.lock', 'notes.txt'])
    writeFileSync(join(folder, name), 'left behind')
  daemon = await startDaemon(home, { env: { SIGNALBOX_SCRIPT_PACE: '1' } })
  const added = await daemon.client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  projectId = added.projectId
})

afterAll(async () => {
  await daemon?.kill('SIGTERM')
  place.remove()
})

const detail = (sessionId: SessionId) => daemon.client.session.get({ sessionId })
const endOf = (sessionId: SessionId) =>
  until(
    'it has ended',
    () => detail(sessionId),
    ({ row }) => row.endReason !== null,
  )
const itemsOf = async (sessionId: SessionId) =>
  (await daemon.client.storage.report({})).items.filter(
    (item) => item.kind === 'recording' && item.sessionId === sessionId,
  )
/** The reason with which a replay is refused. */
const refusal = (sessionId: SessionId) =>
  daemon.client.session.replay({ sessionId }).then(
    () => '',
    (error: { code?: string; message?: string }) => `${error.code}: ${error.message}`,
  )

async function submit(agent: string): Promise<SessionId> {
  const { sessionId } = await daemon.client.session.submit({
    projectId,
    agent,
    prompt: 'Go',
    title: 'To be kept',
  })
  return sessionId
}

it('sweeps recordings and locks that belong to nobody when it starts', () => {
  expect(readdirSync(folder)).toEqual(['notes.txt'])
})

it('shows a recording with its session, keeps it while that lives, and gives it up after', async () => {
  const agent = writeScript(home, 'waits', { steps: [{ do: 'sleep', ms: 3_600_000 }] })
  const sessionId = await submit(agent)
  await until(
    'it works',
    () => itemsOf(sessionId),
    (items) => items.length === 1,
  )
  const [open] = await itemsOf(sessionId)
  expect(open).toMatchObject({ title: 'To be kept', isReclaimable: false, why: 'It is still being written.' })
  const kept = await daemon.client.storage.reclaim({ ids: [open?.id ?? ''] })
  expect(kept.skipped).toEqual([{ id: open?.id, why: 'It is still being written.' }])
  expect((await detail(sessionId)).replayProblem).toBe('It is still running.')
  await daemon.client.session.stop({ sessionId })
  await endOf(sessionId)
  expect((await detail(sessionId)).replayProblem).toBeNull()
  const [item] = await itemsOf(sessionId)
  expect(item).toMatchObject({ title: 'To be kept', isReclaimable: true })
  const freed = await daemon.client.storage.reclaim({ ids: [item?.id ?? ''] })
  expect(freed).toMatchObject({ skipped: [], freedBytes: item?.sizeBytes })
  const { replayProblem } = await detail(sessionId)
  expect(replayProblem).toBe('It was not recorded, or its recording was removed.')
  expect(await refusal(sessionId)).toBe(`not_replayable: ${replayProblem}`)
})

it('refuses a torn recording before anything is started', async () => {
  const sessionId = await submit(writeScript(home, 'says', { steps: [{ do: 'say', text: 'done' }] }))
  await endOf(sessionId)
  const file = join(folder, `${sessionId}.jnl`)
  truncateSync(file, 700)
  expect(await refusal(sessionId)).toMatch(/^not_replayable: Its recording /)
})

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'does not promise a replay of what went on without it after %s, and says where it ends',
  async (signal) => {
    const program = await bundleAgent(join(place.home, 'agent'))
    const script = { prompts: [[{ say: 'at work now' }, { wait: 7000 }, { say: 'done' }]] }
    const custom = { name: 'lasting', file: program, args: [JSON.stringify(script)], env: {}, hosts: [] }
    await daemon.client.settings.set({ customAgents: [custom] })
    const known = () => daemon.client.agent.list({})
    await until('the agent is known', known, (list) => list.some(({ id }) => id === 'custom:lasting'))
    const sessionId = await submit('custom:lasting')
    const said = async () =>
      JSON.stringify(await daemon.client.session.activities({ sessionId, after: 0, limit: 500 }))
    await until('it is at work', said, (text) => text.includes('at '))
    await daemon.kill(signal)
    expect(existsSync(join(folder, `${sessionId}.jnl`))).toBe(false)
    daemon = await startDaemon(home, { env: { SIGNALBOX_SCRIPT_PACE: '1' } })
    await until('it says so', said, (text) => text.includes('From here on it is not recorded.'))
    const { row, replayProblem } = await endOf(sessionId)
    expect(row.status).toBe('completed')
    expect(replayProblem).not.toBeNull()
    expect(await refusal(sessionId)).toBe('not_replayable: Its recording breaks off before its end.')
    expect(await itemsOf(sessionId)).toMatchObject([{ isReclaimable: true }])
  },
)
