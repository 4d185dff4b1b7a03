import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../src-main/cli/connect.ts'
import { accessibilityFindings } from './fixtures/axe.ts'
import { connectWhenUp, makeHome, makeRepository, until, writeScript } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'
import { pressByKey } from './fixtures/keyboard.ts'
import { type ModelServer, startModelServer } from './fixtures/model-server/model-server.ts'

// What a person sees of model calls and of authority, with our own agent, a real daemon, and a model on this machine.

const place = makeHome()
const key = 'sk-upstream-0a1b2c3d4e5f6789'
const model = 'openai-compatible/gpt-4o-mini'
const hosts = ['*.example.com:443', 'packages.example:443']
/** Some 25,000 tokens in pieces that come two hundred a second. */
const longAnswer = Array.from(
  { length: 1000 },
  (_, at) => `${String(at).padStart(6, '0')} ${'word '.repeat(18)}\n`,
)

let server: ModelServer
let running: LaunchedApp
let client: Client
let projectId: string
/** A session that holds hosts and sleeps. */
let holder = ''

beforeAll(async () => {
  mkdirSync(join(place.home, 'user'), { mode: 0o700 })
  server = await startModelServer({
    models: ['gpt-4o-mini'],
    script: [],
    key,
    countsUsage: true,
    framesPerSecond: 200,
    withoutTools: 'script',
  })
  running = await launchApp({
    home: place.home,
    env: { HOME: join(place.home, 'user'), SIGNALBOX_SCRIPT_PACE: '1' },
  })
  client = await connectWhenUp(place.home, running.env)
  await client.agent.setKey({ provider: 'openai-compatible', key })
  await client.settings.set({ providerBaseUrls: { 'openai-compatible': `${server.url}/v1` } })
  projectId = (await client.project.add({ path: makeRepository(join(place.home, 'repository')) })).projectId
  const agent = writeScript(place.home, 'sleeper', {
    title: 'Holds hosts',
    steps: [
      { do: 'write', path: 'here.txt', text: '1\n' },
      { do: 'sleep', ms: 3_600_000 },
    ],
  })
  const submitted = await client.session.submit({
    projectId,
    agent,
    prompt: 'Sleep.',
    title: 'Sleeper',
    hosts,
  })
  holder = submitted.sessionId
  await until('it holds its hosts', held, (targets) => targets.includes(`net:${hosts[0]}`))
})

afterAll(async () => {
  await running?.close()
  await server?.close()
  place.remove()
})

const capabilities = async () => (await client.capability.list({ sessionId: holder })).capabilities
const held = async () => (await capabilities()).map(({ target }) => target)
const callsOf = async (sessionId: string) => (await client.model.calls({ sessionId })).calls

async function ask(title: string, budget: object): Promise<string> {
  const asked = { projectId, prompt: 'Tell me everything.', agent: 'kernel', model, title, budget }
  return (await client.session.submit(asked)).sessionId
}

async function show(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    window.location.hash = next
  }, hash)
}

/** Shows what the sleeping session holds and picks one thing of it. */
async function pick(page: Page, target: string): Promise<Locator> {
  await show(page, `#/authority/${holder}`)
  const row = page
    .getByRole('treegrid', { name: 'Capabilities' })
    .getByRole('row', { name: `device ${target}, held by Sleeper` })
  await row.click()
  return row
}

it('lets a host expire in a minute', async () => {
  const { page } = running
  const row = await pick(page, 'net:packages.example:443')
  await page.keyboard.press('e')
  const form = page.getByRole('group', { name: 'Let it expire' })
  await form.getByLabel('Ends in').selectOption('1 minute')
  await form.getByText(/In 1 minute: Sleeper can no longer use net:packages.example:443/).waitFor()
  const beforeMs = Date.now()
  await pressByKey(page, form.getByRole('button', { name: 'End in 1 minute' }))
  const found = await until('its end is set', capabilities, (all) =>
    all.some((one) => one.target === 'net:packages.example:443' && one.expiresAtMs !== null),
  )
  const expiresAtMs = found.find((one) => one.target === 'net:packages.example:443')?.expiresAtMs ?? 0
  expect(expiresAtMs).toBeGreaterThanOrEqual(beforeMs + 59_000)
  expect(expiresAtMs).toBeLessThan(beforeMs + 70_000)
  await row.getByText(/\d+ ?s left/).waitFor()
})

it('narrows hosts under a wildcard to one of them', async () => {
  const { page } = running
  await pick(page, 'net:*.example.com:443')
  await page.keyboard.press('n')
  const form = page.getByRole('group', { name: 'Narrow' })
  await form.getByText('Sleeper keeps only what is named here of net:*.example.com:443.').waitFor()
  await page.keyboard.type('api.example.org:443')
  await pressByKey(page, form.getByRole('button', { name: 'Narrow to 1 name' }))
  await form.getByRole('alert').waitFor()
  expect(await held()).toContain('net:*.example.com:443')
  await form.getByLabel('Keep only').fill('api.example.com:443')
  await pressByKey(page, form.getByRole('button', { name: 'Narrow to 1 name' }))
  const now = await until('it is narrowed', held, (targets) => !targets.includes('net:*.example.com:443'))
  expect(now).toContain('net:api.example.com:443')
  const grid = page.getByRole('treegrid', { name: 'Capabilities' })
  await grid.getByRole('row', { name: /^device net:api.example.com:443, held by Sleeper/ }).waitFor()
  const { entries } = await client.audit.entries({ chain: `session:${holder}`, limit: 500 })
  expect(entries.map((entry) => entry.eventKind)).toContain('capability-narrowed')
})

it('shows a call while its answer comes in, and what it cost when it has', async () => {
  const { page } = running
  server.setScript([{ text: longAnswer }])
  await page.keyboard.press('Control+7')
  await page.getByText('No model was called yet.').waitFor()
  const id = await ask('Long answer', { tokens: null, usdNanos: null })
  const row = page.getByRole('row', { name: /: gpt-4o-mini, for Long answer/ })
  await row.and(page.getByRole('row', { name: /^answers:/ })).waitFor()
  const first = await tokensOut(row)
  await until(
    'more of the answer is counted on the screen',
    () => tokensOut(row),
    (count) => count > first,
  )
  expect(await callsOf(id)).toMatchObject([{ state: 'streaming' }])
  await row.and(page.getByRole('row', { name: /^done:/ })).waitFor()
  const [call] = await callsOf(id)
  expect(call).toMatchObject({ state: 'done', source: 'reported' })
  const usd = `$${((call?.costUsdNanos ?? 0) / 1e9).toFixed(2)}`
  expect(usd).not.toBe('$0.00')
  expect(await row.getAttribute('aria-label')).toContain(usd)
  const inspector = page.getByRole('complementary', { name: 'Selected call' })
  await inspector.getByText('Reported by the upstream.').waitFor()
  await inspector.getByText(usd, { exact: true }).waitFor()
})

/** Tokens out, as the row says them. */
async function tokensOut(row: Locator): Promise<number> {
  const [, digits = '0', unit] = /([\d.]+)(k?) out/.exec((await row.getAttribute('aria-label')) ?? '') ?? []
  return Number(digits) * (unit === 'k' ? 1000 : 1)
}

const why = /The token budget of this session is used up \(12,000 tokens\)/

it('says of a call that its budget cut it, there and on the page of its session', async () => {
  const { page } = running
  server.setScript([{ text: longAnswer }])
  const id = await ask('Cut short', { tokens: 12_000 })
  const row = page.getByRole('row', { name: /^cut: gpt-4o-mini, for Cut short/ })
  await row.waitFor()
  expect(await row.getAttribute('aria-label')).toMatch(why)
  await row.click()
  const inspector = page.getByRole('complementary', { name: 'Selected call' })
  await inspector.getByText('The budget ended in mid-answer.').waitFor()
  await inspector.getByText(why).waitFor()
  await page.keyboard.press('Enter')
  const pane = page.getByRole('tabpanel')
  await pane.getByText('cut', { exact: true }).waitFor()
  await pane.getByText(why).waitFor()
  await page.getByRole('heading', { name: 'Cut short', level: 1 }).waitFor()
  await page.getByText('over budget').first().waitFor()
  await show(page, `#/session/${id}`)
  await page.getByText(why).first().waitFor()
})

it('can be used by everyone while there are calls', async () => {
  const { page } = running
  await show(page, '#/models')
  await page.getByRole('row', { name: /^cut:/ }).waitFor()
  for (const theme of ['dark', 'light'] as const) {
    await client.settings.set({ theme })
    await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme)
    expect(await accessibilityFindings(page)).toEqual([])
  }
})

it('replays a session from its recording, with the upstream gone and for nothing', async () => {
  const { page } = running
  const { calls } = server.totals()
  await server.close()
  const { rows } = await client.session.list({ text: 'Long answer' })
  await show(page, `#/session/${rows[0]?.id}`)
  await page.getByRole('heading', { name: 'Long answer', level: 1 }).waitFor()
  const replay = page.getByRole('button', { name: /^Replay/ })
  expect(await replay.getAttribute('title')).toContain('nothing is paid')
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search sessions, places and actions').fill('replay from')
  await page.getByRole('option', { name: /replay from its recording/i }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Replay: Long answer', level: 1 }).waitFor()
  await page.getByRole('navigation', { name: 'Where this is' }).getByText('Replay of').waitFor()
  await page.getByText('nobody pays').waitFor()
  const id = /ses-[^/]+/.exec(page.url())?.[0] ?? ''
  const { row, replays } = await until(
    'the replay has ended',
    () => client.session.get({ sessionId: id }),
    (detail) => detail.row.endedAtMs !== null,
  )
  expect(row).toMatchObject({ status: 'completed', payment: 'none' })
  expect(replays).toBe(rows[0]?.id)
  expect(server.totals().calls).toBe(calls)
  await page
    .getByRole('navigation', { name: 'Where this is' })
    .getByRole('link', { name: 'Long answer' })
    .click()
  await page.getByRole('heading', { name: 'Long answer', level: 1, exact: true }).waitFor()
})

it('offers no replay of what was not recorded, and says so', async () => {
  const { page } = running
  await show(page, '#/settings')
  const recording = page.getByRole('checkbox', { name: /Record what sessions get/ })
  await recording.click()
  await until(
    'it is off',
    () => client.settings.get({}),
    ({ recordSessions }) => !recordSessions,
  )
  const agent = writeScript(place.home, 'short', { title: 'Unrecorded', steps: [{ do: 'say', text: 'Hi.' }] })
  const { sessionId } = await client.session.submit({ projectId, agent, prompt: 'Hi.', title: 'Unrecorded' })
  await show(page, `#/session/${sessionId}`)
  const replay = page.getByRole('button', { name: /^Replay/ })
  await replay.waitFor()
  expect(await replay.isDisabled()).toBe(true)
  expect(await replay.getAttribute('title')).toContain('not recorded')
})

it('ends the host when its time is over', async () => {
  const { page } = running
  await show(page, `#/authority/${holder}`)
  const one = (await capabilities()).find(({ target }) => target === 'net:packages.example:443')
  // Sooner than the page offers.
  await client.capability.expire({ id: one?.id ?? 0, expiresInMs: 2000 })
  const now = await until('it is gone', held, (targets) => !targets.includes('net:packages.example:443'))
  expect(now).toContain('net:api.example.com:443')
  const grid = page.getByRole('treegrid', { name: 'Capabilities' })
  await grid
    .getByRole('row', { name: /net:packages.example:443, held by Sleeper/ })
    .waitFor({ state: 'detached' })
  expect(running.complaints).toEqual([])
})
