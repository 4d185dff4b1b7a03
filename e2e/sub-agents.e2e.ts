import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { SessionRow } from '../src-main/contract/session.ts'
import { makeHome, makeRepository, startDaemon, type TestDaemon, until } from './fixtures/daemon.ts'
import { type ModelServer, startModelServer } from './fixtures/model-server/model-server.ts'
import type { ModelCall, Turn } from './fixtures/model-server/turn.ts'
import { processesOf as programsWith } from './fixtures/process-tree.ts'

// Sub-agents of our own agent, through the whole daemon: processes below their session's, with budgets of their own.

const place = makeHome()
const key = 'sk-upstream-5b6c7d8e9f0a1b2c'
const model = 'openai-compatible/gpt-4o-mini'
/** 60 kB in pieces of 100 bytes. */
const long = Array.from({ length: 600 }, (_, at) => `${String(at).padStart(6, '0')} ${'word '.repeat(18)}\n`)

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
    framesPerSecond: 300,
    withoutTools: 'script',
  })
  await daemon.client.settings.set({ providerBaseUrls: { 'openai-compatible': `${server.url}/v1` } })
})

afterEach(() => server.close())

afterAll(async () => {
  await daemon?.kill('SIGTERM')
  place.remove()
})

interface Piece {
  readonly title: string
  readonly may_change?: boolean
  readonly token_budget?: number
  /** What its model says, turn by turn. */
  readonly turns: readonly Turn[]
}

/** The model of a session that gives out these pieces in its first step, and ends after their reports. */
function gives(...given: readonly Piece[]): void {
  server.setScript((call: ModelCall, turn: number): Turn => {
    const asked = call.messages.find(({ role }) => role === 'user')?.text ?? ''
    const piece = given.find(({ title }) => asked === `Do: ${title}`)
    if (piece) return piece.turns[turn] ?? { text: ['Nothing is left.'] }
    if (turn > 0) return { text: ['All reports are in.'] }
    const calls = given.map(({ turns: _turns, ...args }) => ({
      name: 'delegate',
      args: { ...args, task: `Do: ${args.title}` },
    }))
    return { text: ['I give out the work.'], calls }
  })
}

async function submit(budget: object = {}): Promise<string> {
  const { sessionId } = await daemon.client.session.submit({
    projectId,
    prompt: 'Get it done.',
    agent: 'kernel',
    model,
    budget: { tokens: 200_000, toolCalls: 50, ...budget },
  })
  return sessionId
}

const rowOf = async (sessionId: string): Promise<SessionRow> =>
  (await daemon.client.session.get({ sessionId })).row
const ended = (sessionId: string) =>
  until(
    'the session has ended',
    () => rowOf(sessionId),
    ({ endedAtMs }) => endedAtMs !== null,
  )
const processesOf = async (sessionId: string) => (await daemon.client.process.list({ sessionId })).rows
const subAgent = async (sessionId: string) => {
  const rows = await until(
    'a sub-agent is at work',
    () => processesOf(sessionId),
    (all) => all.some(({ kind, use }) => kind === 'sub_agent' && use.tokens.spent + use.toolCalls.spent >= 0),
  )
  const found = rows.find(({ kind }) => kind === 'sub_agent')
  if (!found) throw new Error('unreachable')
  return found
}
const toolsOf = async (sessionId: string) => {
  const { items } = await daemon.client.session.activities({ sessionId, limit: 2000 })
  return items.flatMap(({ body }) =>
    body.kind === 'tool' && body.status !== 'pending' && body.status !== 'running' ? [body] : [],
  )
}
const factsOf = async (sessionId: string) => {
  const { entries } = await daemon.client.audit.entries({ chain: `session:${sessionId}` })
  return entries.map(({ body }) => body)
}

it('works side by side, each with its own tools and conversation, and is paid for by its session', async () => {
  gives(
    {
      title: 'Write the note',
      turns: [
        { calls: [{ name: 'write_file', args: { path: 'note.txt', content: 'from a sub-agent\n' } }] },
        { text: ['The note is in note.txt.'] },
      ],
    },
    {
      title: 'Look around',
      may_change: false,
      turns: [
        { calls: [{ name: 'list_files', args: {} }] },
        { calls: [{ name: 'write_file', args: { path: 'secret.txt', content: 'x' } }] },
        { calls: [{ name: 'delegate', args: { title: 'Deeper', task: 'Do: Deeper' } }] },
        { text: ['I only looked.'] },
      ],
    },
  )
  const id = await submit()
  const row = await ended(id)
  expect(row).toMatchObject({ status: 'completed', changes: { files: 1 } })
  const tools = await toolsOf(id)
  expect(tools.map(({ by, status }) => [by ?? null, status]).toSorted()).toEqual(
    [
      ['Look around', 'completed'],
      ['Look around', 'failed'],
      ['Look around', 'failed'],
      ['Write the note', 'completed'],
      [null, 'completed'],
      [null, 'completed'],
    ].toSorted(),
  )
  expect(tools.filter(({ by }) => by === undefined).map(({ output }) => output)).toEqual(
    expect.arrayContaining(['The note is in note.txt.', 'I only looked.']),
  )
  const totals = server.totals()
  expect(totals.calls).toBe(8)
  expect(row.usage).toMatchObject({
    inputTokens: totals.inputTokens,
    outputTokens: totals.outputTokens,
    toolCalls: 4,
  })
  const facts = (await factsOf(id)).join('\n')
  for (const title of ['Write the note', 'Look around']) expect(facts).toContain(`"name":"${title}"`)
  expect(await processesOf(id)).toEqual([])
})

it('has a budget of its own that ends it, while its session goes on', async () => {
  gives({ title: 'Say it all', token_budget: 6000, turns: [{ text: long }] })
  const id = await submit()
  const row = await ended(id)
  expect(row).toMatchObject({ status: 'completed', endReason: { kind: 'normal' } })
  const [report] = await toolsOf(id)
  expect(report).toMatchObject({ status: 'failed' })
  expect(report?.output).toContain('The token budget of this sub-agent is used up (6,000 tokens).')
  expect(report?.output).toContain('It last said: 000000 word')
  const { calls } = await daemon.client.model.calls({ sessionId: id })
  expect(calls.map(({ state }) => state).toSorted()).toEqual(['cut', 'done', 'done'])
  expect((await factsOf(id)).filter((body) => body.includes('"resource":"tokens"')).length).toBeGreaterThan(0)
})

it('does not get more than its session has, and takes its session with it when that is used up', async () => {
  gives({ title: 'Too much', token_budget: 50_000, turns: [] })
  const poor = await submit({ tokens: 20_000 })
  expect(await ended(poor)).toMatchObject({ status: 'completed' })
  expect((await toolsOf(poor))[0]).toMatchObject({
    status: 'failed',
    output: 'The budget of the session does not hold what the sub-agent was to have.',
  })
  gives({ title: 'Say it all', turns: [{ text: long }] })
  const id = await submit({ tokens: 8000 })
  expect(await ended(id)).toMatchObject({
    status: 'failed',
    endReason: { kind: 'quota', resource: 'tokens' },
    endMessage: expect.stringContaining('token budget of this session is used up'),
  })
})

it('is a process that a person sees, holds and ends, with capabilities derived from those of its session', async () => {
  gives({ title: 'Say it slowly', token_budget: 90_000, turns: [{ text: long }] })
  const id = await submit()
  const sub = await subAgent(id)
  const [own] = (await processesOf(id)).filter(({ kind }) => kind === 'session')
  expect(sub).toMatchObject({ name: 'Say it slowly', parent: own?.pid, sessionId: id })
  expect(sub.use.tokens.limit).toBe(90_000)
  const { capabilities } = await daemon.client.capability.list({ sessionId: id })
  const held = capabilities.filter(({ pid }) => pid === sub.pid)
  expect(held.map(({ target }) => target)).toContain('tool:write_file')
  expect(held.map(({ target }) => target)).not.toContain('tool:delegate')
  const ofSession = new Map(capabilities.flatMap(({ id: at, pid }) => (pid === own?.pid ? [[at, pid]] : [])))
  expect(held.every(({ parentId }) => ofSession.has(parentId ?? -1))).toBe(true)
  await daemon.client.process.suspend({ pid: sub.pid })
  const spent = async () => (await processesOf(id)).find(({ pid }) => pid === sub.pid)?.state
  expect(await spent()).toBe('stopped')
  await daemon.client.process.resume({ pid: sub.pid })
  await daemon.client.process.kill({ pid: sub.pid })
  expect(await ended(id)).toMatchObject({ status: 'completed' })
  const [report] = await toolsOf(id)
  expect(report?.output).toContain('The sub-agent was ended.')
  const facts = await factsOf(id)
  expect(facts.filter((body) => body.includes(`"pid":${sub.pid}`)).length).toBeGreaterThan(2)
})

it('has commands that are processes below its own, and end with it', async () => {
  gives({
    title: 'Wait long',
    turns: [{ calls: [{ name: 'run_command', args: { command: 'sleep 54321' } }] }],
  })
  const id = await submit()
  const rows = await until(
    'its command is a process',
    () => processesOf(id),
    (all) => all.some(({ kind }) => kind === 'part'),
  )
  const sub = rows.find(({ kind }) => kind === 'sub_agent')
  expect(rows.find(({ kind }) => kind === 'part')).toMatchObject({ name: 'sh', parent: sub?.pid })
  const running = async () => programsWith('sleep\u000054321')
  expect(await running()).not.toEqual([])
  await daemon.client.process.kill({ pid: sub?.pid ?? 0 })
  expect(await ended(id)).toMatchObject({ status: 'completed' })
  await until('the command has ended', running, (list) => list.length === 0)
})

it('ends with its session, and is played again from the recording with the upstream switched off', async () => {
  gives({ title: 'Say it slowly', turns: [{ text: long }] })
  const stopped = await submit()
  await subAgent(stopped)
  await daemon.client.session.stop({ sessionId: stopped })
  expect(await ended(stopped)).toMatchObject({ status: 'stopped' })
  expect(await processesOf(stopped)).toEqual([])
  gives(
    {
      title: 'Write',
      turns: [
        { calls: [{ name: 'write_file', args: { path: 'a.txt', content: 'a\n' } }] },
        { text: ['Written.'] },
      ],
    },
    { title: 'Count', turns: [{ calls: [{ name: 'list_files', args: {} }] }, { text: ['Counted.'] }] },
  )
  const first = await ended(await submit())
  expect(first).toMatchObject({ status: 'completed', changes: { files: 1 } })
  await server.close()
  const { sessionId } = await daemon.client.session.replay({ sessionId: first.id })
  const again = await ended(sessionId)
  expect([again.status, again.endMessage]).toEqual(['completed', null])
  expect(again).toMatchObject({ changes: first.changes, usage: { inputTokens: first.usage.inputTokens } })
  const outputs = async (id: string) => (await toolsOf(id)).map(({ by, output }) => [by, output]).toSorted()
  expect(await outputs(sessionId)).toEqual(await outputs(first.id))
})
