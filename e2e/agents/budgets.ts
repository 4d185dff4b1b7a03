import { type Dirent, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ActivityBody } from '../../src-main/contract/activity.ts'
import type { ProviderId } from '../../src-main/contract/agent.ts'
import type { SessionRow } from '../../src-main/contract/session.ts'
import { makeHome, makeRepository, startDaemon, type TestDaemon, until } from '../fixtures/daemon.ts'
import { type ModelServer, startModelServer } from '../fixtures/model-server/model-server.ts'
import { runCommandCall } from '../fixtures/model-server/offered-tools.ts'
import type { Turn } from '../fixtures/model-server/turn.ts'
import { watchPrograms } from '../fixtures/process-tree.ts'
import { programsOf } from './real-agent.ts'

/** What is particular about a CLI whose model use is bounded by the kernel. */
export interface BudgetJourney {
  readonly agent: string
  readonly provider: ProviderId
  /** A model of the price list. */
  readonly model: string
  readonly baseUrl: (server: ModelServer) => string
  /** Nano-dollars per token, as the list has them. */
  /** How its model would write a file so that a person is asked; absent = its own shell tool. */
  readonly writeTurns?: (path: string, content: string) => readonly Turn[]
  readonly price: { readonly input: number; readonly output: number }
}

/** The key of the upstream, which no CLI may ever see. */
const upstreamKey = 'sk-upstream-4f7d1c9a2b8e6035'
/** More than what the CLIs say to their model before it answers. */
const tokens = 60_000
/** Twice as long as the budget: 240 kB in pieces of 200 bytes, no two alike, for CLIs give up on answers that repeat themselves. */
const longAnswer = Array.from({ length: 2400 }, (_, at) => `${line(at)}\n`)

function line(at: number): string {
  let state = at * 2_654_435_761 + 1
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 8
  }
  const word = () =>
    Array.from({ length: 2 + (next() % 7) }, () => String.fromCharCode(97 + (next() % 26))).join('')
  return Array.from({ length: 33 }, word).join(' ').slice(0, 199)
}

interface Bed {
  server: ModelServer
  daemon: TestDaemon
  place: ReturnType<typeof makeHome>
  projectId: string
}

/** The kernel's budgets over a real CLI, unmodified, through the whole daemon and its gateway. */
export function describeBudgets(journey: BudgetJourney): void {
  describe.skipIf(programsOf(journey.agent) === undefined)(`${journey.agent} under a budget`, () => {
    const bed = {} as Bed
    beforeEach(() => openBed(bed, journey))
    afterEach(async () => {
      await bed.daemon.kill('SIGTERM')
      await bed.server.close()
      bed.place.remove()
    })
    describeCuts(journey, bed)
    describeReplay(journey, bed)
    it('costs what the upstream counted, and never sees its key', async () => {
      bed.server.setScript([{ text: ['All ', 'is ', 'well.'] }])
      const stopWatching = watchPrograms(bed.daemon.pid)
      const row = await ended(bed, await submit(bed, journey, {}))
      const programs = stopWatching()
      const { inputTokens, cachedTokens, outputTokens } = bed.server.totals()
      expect(row).toMatchObject({ status: 'completed', usage: { source: 'metered' } })
      expect(row.usage).toMatchObject({ inputTokens, cachedTokens, outputTokens })
      expect(row.usage.costUsdNanos).toBe(
        inputTokens * journey.price.input + outputTokens * journey.price.output,
      )
      expect(await said(bed, row)).toContain('All is well.')
      expect(new Set(bed.server.requests.map(({ key }) => key))).toEqual(new Set([upstreamKey]))
      expect(filesWith(bed.place.home, upstreamKey)).toEqual([join('state', 'secrets', 'keys.json')])
      // The CLI itself was among those looked at: it was told to ask the gateway.
      expect(programs.filter((one) => /127\.0\.0\.1:\d+/.test(one)).length).toBeGreaterThan(0)
      expect(programs.filter((one) => one.includes(upstreamKey))).toEqual([])
      const { calls } = await bed.daemon.client.model.calls({ sessionId: row.id })
      expect(calls.length).toBe(bed.server.totals().calls)
      expect(calls.every(({ state, source }) => state === 'done' && source === 'reported')).toBe(true)
    })
  })
}

/** Answers every question of a session with yes, until it has ended. */
async function endedWithLeave(bed: Bed, sessionId: string): Promise<SessionRow> {
  const { client } = bed.daemon
  const found = await until(
    `session ${sessionId} has ended`,
    async () => {
      for (const ask of await client.fleet.asks({})) {
        const yes = ask.options.find(({ kind }) => kind === 'allow_once')
        if (yes) await client.session.answer({ askId: ask.id, optionId: yes.id }).catch(() => undefined)
      }
      return client.session.get({ sessionId })
    },
    ({ row }) => row.endedAtMs !== null,
  )
  return found.row
}

function describeReplay(journey: BudgetJourney, bed: Bed): void {
  it('is recorded, and replayed with the upstream switched off', async () => {
    const { client } = bed.daemon
    bed.server.setScript(
      journey.writeTurns?.('hello.txt', 'hello') ?? [
        ({ tools }) => ({ calls: [runCommandCall(tools, 'printf hello > hello.txt')] }),
        { text: ['The file is written.'] },
      ],
    )
    const first = await endedWithLeave(bed, await submit(bed, journey, {}))
    expect(first).toMatchObject({ status: 'completed', changes: { files: 1 } })
    const recorded = bed.server.totals().calls
    expect(recorded).toBeGreaterThanOrEqual(2)
    await bed.server.close()
    await client.agent.removeKey({ provider: journey.provider })
    const { sessionId } = await client.session.replay({ sessionId: first.id })
    const again = await endedWithLeave(bed, sessionId)
    expect([again.status, again.endMessage]).toEqual(['completed', null])
    expect(again).toMatchObject({ changes: first.changes, usage: { costUsdNanos: 0 } })
    expect(again.usage.inputTokens).toBe(first.usage.inputTokens)
    expect(await said(bed, again)).toBe(await said(bed, first))
    const { entries } = await client.audit.entries({ chain: `session:${first.id}` })
    expect(entries.at(-1)?.body).toContain('"recordingDigest":"')
  })
}

function describeCuts(journey: BudgetJourney, bed: Bed): void {
  const { price } = journey
  /** What half of the long answer costs, with what is said before it. */
  const usdNanos = 20_000 * price.input + 30_000 * price.output
  it.each([
    ['tokens', { tokens }, 'token budget'],
    ['usd', { usdNanos, tokens: null }, 'money budget'],
  ])('is cut off in mid-answer when the budget ends: %s', async (resource, budget, words) => {
    bed.server.setScript([{ text: longAnswer }])
    const row = await ended(bed, await submit(bed, journey, budget))
    expect(row).toMatchObject({ status: 'failed', endReason: { kind: 'quota', resource } })
    expect(row.endMessage).toContain(words)
    const used = (row.usage.inputTokens ?? 0) + (row.usage.outputTokens ?? 0)
    const spent = resource === 'tokens' ? used : (row.usage.costUsdNanos ?? 0)
    const limit = resource === 'tokens' ? tokens : usdNanos
    // It ends with the piece that no longer fits, not with the answer.
    expect(spent).toBeGreaterThan(limit)
    expect(spent).toBeLessThan(limit * 1.05)
    expect((await said(bed, row)).slice(-600), 'the CLI tells its user why').toMatch(
      /budget of this session is used up/,
    )
    const { calls } = await bed.daemon.client.model.calls({ sessionId: row.id })
    expect(calls.some(({ state }) => state === 'cut')).toBe(true)
    process.stdout.write(
      `  ${journey.agent}: ${resource} ${spent} of ${limit}; upstream ${JSON.stringify(bed.server.totals())}\n`,
    )
    // Nothing goes on behind it.
    const { calls: before } = bed.server.totals()
    await new Promise((done) => setTimeout(done, 500))
    expect(bed.server.totals().calls).toBe(before)
  })
}

async function openBed(bed: Bed, journey: BudgetJourney): Promise<void> {
  bed.place = makeHome()
  const userHome = join(bed.place.home, 'user')
  mkdirSync(userHome, { mode: 0o700 })
  bed.server = await startModelServer({
    models: [journey.model],
    script: [],
    key: upstreamKey,
    countsUsage: true,
    framesPerSecond: 1500,
    withoutTools: 'script',
  })
  const folders = [programsOf(journey.agent), programsOf('node'), '/usr/local/bin', '/usr/bin', '/bin']
  const PATH = folders.filter((folder) => folder !== undefined).join(delimiter)
  bed.daemon = await startDaemon(join(bed.place.home, 'state'), { env: { PATH, HOME: userHome } })
  const { client } = bed.daemon
  await client.agent.setKey({ provider: journey.provider, key: upstreamKey })
  await client.settings.set({ providerBaseUrls: { [journey.provider]: journey.baseUrl(bed.server) } })
  const repository = makeRepository(join(bed.place.home, 'repository'))
  const added = await client.project.add({ path: repository })
  bed.projectId = added.projectId
}

async function submit(bed: Bed, { agent, model, provider }: BudgetJourney, budget: object): Promise<string> {
  const { sessionId } = await bed.daemon.client.session.submit({
    projectId: bed.projectId,
    prompt: 'Say how it is going.',
    agent,
    model: `${provider}/${model}`,
    payment: 'signalbox',
    budget,
  })
  return sessionId
}

async function ended(bed: Bed, sessionId: string): Promise<SessionRow> {
  const { client } = bed.daemon
  const found = await until(
    `session ${sessionId} has ended`,
    () => client.session.get({ sessionId }),
    ({ row }) => row.endedAtMs !== null,
  )
  return found.row
}

/** Everything that the session showed to its person. */
async function said(bed: Bed, { id }: SessionRow): Promise<string> {
  const { items } = await bed.daemon.client.session.activities({ sessionId: id, limit: 2000 })
  const textOf = (body: ActivityBody) => ('text' in body ? body.text : '')
  return items.map(({ body }) => textOf(body)).join('')
}

/** Files below a folder, relative, that hold the text. Homes of ended sessions may be going meanwhile. */
function filesWith(folder: string, text: string, below = ''): string[] {
  return entriesOf(join(folder, below)).flatMap((entry) => {
    const path = join(below, entry.name)
    if (entry.isDirectory()) return filesWith(folder, text, path)
    return entry.isFile() && contentOf(join(folder, path)).includes(text) ? [path] : []
  })
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
