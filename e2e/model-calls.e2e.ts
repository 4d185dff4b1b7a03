import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { SessionRow } from '../src-main/contract/session.ts'
import { makeHome, makeRepository, startDaemon, type TestDaemon, until } from './fixtures/daemon.ts'
import { type ModelServer, startModelServer } from './fixtures/model-server/model-server.ts'

// Model calls of our own agent, through the whole daemon: held, metered, cut, revoked, paused, and shown.

const place = makeHome()
const key = 'sk-upstream-0a1b2c3d4e5f6789'
/** 0.6 µ$ per token; see the price list. */
const model = 'openai-compatible/gpt-4o-mini'
/** 100 kB in pieces of 100 bytes. */
const longAnswer = Array.from(
  { length: 1000 },
  (_, at) => `${String(at).padStart(6, '0')} ${'word '.repeat(18)}\n`,
)

let server: ModelServer
let daemon: TestDaemon
let projectId: string

beforeAll(async () => {
  mkdirSync(join(place.home, 'user'), { mode: 0o700 })
  daemon = await startDaemon(join(place.home, 'state'), { env: { HOME: join(place.home, 'user') } })
  await daemon.client.agent.setKey({ provider: 'openai-compatible', key })
  const repository = makeRepository(join(place.home, 'repository'))
  projectId = (await daemon.client.project.add({ path: repository })).projectId
})

beforeEach(async () => {
  server = await startModelServer({
    models: ['gpt-4o-mini'],
    script: [],
    key,
    countsUsage: true,
    framesPerSecond: 400,
    withoutTools: 'script',
  })
  await daemon.client.settings.set({ providerBaseUrls: { 'openai-compatible': `${server.url}/v1` } })
})

afterEach(() => server.close())

afterAll(async () => {
  await daemon?.kill('SIGTERM')
  place.remove()
})

async function submit(budget: object): Promise<string> {
  const { sessionId } = await daemon.client.session.submit({
    projectId,
    prompt: 'Tell me everything.',
    agent: 'kernel',
    model,
    budget,
  })
  return sessionId
}

const rowOf = async (sessionId: string): Promise<SessionRow> =>
  (await daemon.client.session.get({ sessionId })).row
const callsOf = async (sessionId: string) => (await daemon.client.model.calls({ sessionId })).calls
const ended = (sessionId: string) =>
  until(
    'the session has ended',
    () => rowOf(sessionId),
    ({ endedAtMs }) => endedAtMs !== null,
  )
const streaming = (sessionId: string) =>
  until(
    'the answer streams',
    () => callsOf(sessionId),
    ([call]) => call?.state === 'streaming',
  )

it('is cut off in mid-answer by tokens, and what was used is booked', async () => {
  server.setScript([{ text: longAnswer }])
  const id = await submit({ tokens: 12_000 })
  const row = await ended(id)
  expect(row).toMatchObject({ status: 'failed', endReason: { kind: 'quota', resource: 'tokens' } })
  expect(row.endMessage).toContain('The token budget of this session is used up (12,000 tokens)')
  const used = (row.usage.inputTokens ?? 0) + (row.usage.outputTokens ?? 0)
  expect(used).toBeGreaterThan(12_000)
  expect(used).toBeLessThan(12_500)
  expect(await callsOf(id)).toMatchObject([{ state: 'cut', source: 'estimated', dialect: 'kernel' }])
  await until(
    'the upstream was let go of',
    async () => server.totals(),
    ({ calls }) => calls === 1,
  )
  expect(server.totals().outputTokens).toBeLessThan(20_000)
})

it('is cut off by money as well, and counts what an upstream does not tell', async () => {
  server.setScript([{ text: longAnswer, usageLie: 'none' }])
  const row = await ended(await submit({ tokens: null, usdNanos: 5_000_000 }))
  expect(row).toMatchObject({ status: 'failed', endReason: { kind: 'quota', resource: 'usd' } })
  expect(row.usage.costUsdNanos).toBeGreaterThan(5_000_000)
  expect(row.usage.costUsdNanos).toBeLessThan(5_300_000)
})

it('costs what the upstream counted', async () => {
  server.setScript([{ text: ['Done.'] }])
  const id = await submit({})
  const row = await ended(id)
  const { inputTokens, outputTokens } = server.totals()
  expect(row.usage).toMatchObject({
    inputTokens,
    outputTokens,
    costUsdNanos: inputTokens * 150 + outputTokens * 600,
    source: 'metered',
  })
  const { calls, totals } = await daemon.client.model.calls({ sessionId: id })
  expect(calls).toMatchObject([{ state: 'done', source: 'reported', inputTokens, outputTokens }])
  expect(totals).toMatchObject({ calls: 1, inputTokens, outputTokens, cut: 0 })
})

it('is recorded, and replayed with the upstream switched off', async () => {
  server.setScript([
    { calls: [{ name: 'write_file', args: { path: 'hello.txt', text: 'hello\n', content: 'hello\n' } }] },
    { text: ['Written.'] },
  ])
  const first = await ended(await submit({}))
  expect(first).toMatchObject({ status: 'completed' })
  expect(server.totals().calls).toBe(2)
  await server.close()
  await daemon.client.agent.removeKey({ provider: 'openai-compatible' })
  const { sessionId } = await daemon.client.session.replay({ sessionId: first.id })
  const again = await ended(sessionId)
  const third = await daemon.client.session.replay({ sessionId: again.id })
  expect(await ended(third.sessionId), 'a replay of a replay').toMatchObject({ status: 'completed' })
  const detail = await daemon.client.session.get({ sessionId: third.sessionId })
  expect(detail.replays).toBe(first.id)
  await daemon.client.agent.setKey({ provider: 'openai-compatible', key })
  expect([again.status, again.endMessage]).toEqual(['completed', null])
  expect(again).toMatchObject({ changes: first.changes, usage: { inputTokens: first.usage.inputTokens } })
  expect(again.usage.costUsdNanos).toBe(0)
})

it('stops when its model is taken away in mid-answer, which is a fact', async () => {
  server.setScript([{ text: longAnswer }])
  const id = await submit({})
  await streaming(id)
  const { capabilities } = await daemon.client.capability.list({ sessionId: id })
  const held = capabilities.find(({ target, kind }) => target === `model:${model}` && kind === 'device')
  expect(held).toMatchObject({ rights: ['open'], uses: 1 })
  await daemon.client.capability.revoke({ id: held?.id ?? 0 })
  const row = await ended(id)
  expect(row.status).toBe('failed')
  expect(row.endMessage).toContain('The right to use this model was taken from the session')
  expect(await callsOf(id)).toMatchObject([{ state: 'cut' }])
  const { entries } = await daemon.client.audit.entries({ chain: `session:${id}` })
  expect(entries.map(({ eventKind }) => eventKind)).toContain('capability-revoked')
})

it('makes no call while it is paused', async () => {
  server.setScript([
    { calls: [{ name: 'run_command', args: { command: 'sleep 1' } }] },
    { text: ['After the pause.'] },
  ])
  const id = await submit({})
  await until(
    'the command runs',
    async () => server.totals().calls,
    (calls) => calls === 1,
  )
  await daemon.client.session.pause({ sessionId: id })
  await until(
    'it is paused',
    () => rowOf(id),
    ({ isPaused }) => isPaused,
  )
  await new Promise((done) => setTimeout(done, 2000))
  expect(server.totals().calls).toBe(1)
  await daemon.client.session.resume({ sessionId: id })
  expect(await ended(id)).toMatchObject({ status: 'completed' })
  expect(server.totals().calls).toBe(2)
})
