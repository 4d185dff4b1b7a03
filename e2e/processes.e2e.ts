import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../src-main/cli/connect.ts'
import type { ProcessRow } from '../src-main/contract/process.ts'
import { connectWhenUp, makeHome, makeRepository, until, writeScript } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'
import { pressByKey } from './fixtures/keyboard.ts'

const place = makeHome()
const title = 'Count to a million'
let running: LaunchedApp
let client: Client
let sessionId = ''

beforeAll(async () => {
  running = await launchApp({ home: place.home, env: { SIGNALBOX_SCRIPT_PACE: '1' } })
  client = await connectWhenUp(place.home, running.env)
  const agent = writeScript(place.home, 'counter', {
    title,
    steps: [
      { do: 'write', path: 'count.txt', text: '1\n' },
      { do: 'usage', inputTokens: 4000, cachedTokens: 0, outputTokens: 500, costUsdNanos: 20_000_000 },
      { do: 'sleep', ms: 3_600_000 },
    ],
  })
  const { projectId } = await client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  const budget = { usdNanos: 1_500_000_000, tokens: 600_000, toolCalls: 200, wallMs: 2_700_000 }
  const submitted = await client.session.submit({ projectId, agent, prompt: title, title, budget })
  sessionId = submitted.sessionId
  await until(
    'it is at work',
    () => client.session.get({ sessionId }),
    ({ row }) => (row.usage.outputTokens ?? 0) > 0,
  )
})

afterAll(async () => {
  await running?.close()
  place.remove()
})

/** The session's own process as the daemon sees it now. */
async function own(): Promise<ProcessRow | undefined> {
  const { rows } = await client.process.list({ sessionId })
  return rows.find((row) => row.kind === 'session')
}

const rowOf = (page: Page) => page.getByRole('row', { name: new RegExp(`^Process \\d+, ${title}`) })

it('shows the session below the fleet, with what it used', async () => {
  const { page } = running
  await page.keyboard.press('Control+5')
  await page.getByRole('treegrid', { name: 'Processes' }).waitFor()
  await rowOf(page).waitFor()
  expect(await rowOf(page).getAttribute('aria-level')).toBe('2')
  expect(await rowOf(page).getAttribute('aria-label')).toContain('4.5k tokens')
})

it('suspends and resumes by key, and the session with it', async () => {
  const { page } = running
  await page.getByRole('treegrid').focus()
  await page.keyboard.press('End')
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await page.getByRole('complementary', { name: 'Selected process' }).getByText(title).first().waitFor()
  await page.keyboard.press('s')
  const row = async () => (await client.session.get({ sessionId })).row
  await until('it is paused', row, ({ isPaused }) => isPaused)
  await page.getByRole('row', { name: new RegExp(`${title}, suspended`) }).waitFor()
  await page.keyboard.press('s')
  await until('it goes on', row, ({ isPaused }) => !isPaused)
  await page.getByRole('row', { name: new RegExp(`${title}, suspended`) }).waitFor({ state: 'detached' })
})

it('raises and lowers the priority by key', async () => {
  const { page } = running
  const before = (await own())?.priority ?? 0
  await page.keyboard.press('+')
  await page.keyboard.press('+')
  await page.keyboard.press('-')
  await until('it is one higher', own, (row) => row?.priority === before + 1)
})

it('foresees a refused budget, changes it, and takes the change back', async () => {
  const { page } = running
  const before = (await own())?.use
  await page.keyboard.press('b')
  const editor = page.getByRole('group', { name: 'Change the budget' })
  await editor.getByLabel('Tokens').fill('4000')
  await editor.getByText(/Refused: 4.5k are used already/).waitFor()
  expect(await editor.getByRole('button', { name: 'Change' }).isDisabled()).toBe(true)
  await editor.getByLabel('Tokens').fill('')
  await editor.getByLabel('Money').fill('2.5')
  await page.keyboard.press('Control+Enter')
  await until('both limits are changed', own, (row) => {
    const use = row?.use
    return use?.usdNanos.limit === 2_500_000_000 && use.tokens.limit === null
  })
  await pressByKey(page, page.getByRole('button', { name: 'Undo' }))
  await until('they are as before', own, (row) => {
    const use = row?.use
    return use?.usdNanos.limit === before?.usdNanos.limit && use?.tokens.limit === 600_000
  })
})

it('sorts and filters by key, and never loses the row', async () => {
  const { page } = running
  await page.getByRole('treegrid').focus()
  await page.keyboard.press('>')
  await page.keyboard.press('/')
  await page.getByRole('textbox', { name: 'Filter processes' }).fill('no such process')
  await page.getByText('No match for “no such process”.').waitFor()
  await page.keyboard.press('Escape')
  await rowOf(page).waitFor()
  await page.keyboard.press('g')
  await page.getByRole('grid', { name: 'Processes' }).waitFor()
  await page.keyboard.press('g')
})

it('fires no shortcut in a text field, and Escape leaves it', async () => {
  const { page } = running
  const before = await own()
  await page.getByRole('treegrid').focus()
  await page.keyboard.press('/')
  await page.keyboard.type('ksbtgxr+')
  expect(await page.getByRole('textbox', { name: 'Filter processes' }).inputValue()).toBe('ksbtgxr+')
  expect(await page.getByRole('dialog').count()).toBe(0)
  await page.keyboard.press('Escape')
  await rowOf(page).waitFor()
  const now = await own()
  expect([now?.state === 'stopped', now?.priority]).toEqual([false, before?.priority])
  expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('treegrid')
})

it('names a workarea by its session, and finds it by its id as well', async () => {
  const { page } = running
  const { capabilities } = await client.capability.list({ sessionId })
  const device = capabilities.find((one) => one.target.startsWith('workarea:'))?.target ?? ''
  expect(device).toMatch(/^workarea:wka-/)
  await page.keyboard.press('Control+6')
  const grid = page.getByRole('treegrid', { name: 'Capabilities' })
  const own = grid.getByRole('row', { name: new RegExp(`^device its workarea, held by ${title}`) })
  const filter = page.getByRole('textbox', { name: 'Filter capabilities' })
  for (const text of [device, 'workarea of count million']) {
    await filter.fill(text)
    await grid.getByRole('row', { name: /tool:/ }).first().waitFor({ state: 'detached' })
    await own.waitFor()
  }
  await own.click()
  const inspector = page.getByRole('complementary', { name: 'Selected capability' })
  await inspector.getByRole('heading', { name: `workarea of ${title}` }).waitFor()
  await inspector.getByText(device).waitFor()
  await filter.fill('')
  await page.evaluate((hash) => {
    window.location.hash = hash
  }, `#/session/${sessionId}/authority`)
  const tab = page.getByRole('tabpanel')
  await tab.getByText('Held by its processes now').waitFor()
  expect(await tab.getByText(/wka-/).count()).toBe(0)
})

it('shows what it holds, and takes one thing away for good', async () => {
  const { page } = running
  const held = async () => (await client.capability.list({ sessionId })).capabilities
  const before = await held()
  expect(before.map((one) => one.target)).toContain('tool:write_file')
  await page.evaluate((hash) => {
    window.location.hash = hash
  }, `#/authority/${sessionId}`)
  const grid = page.getByRole('treegrid', { name: 'Capabilities' })
  await grid.waitFor()
  await grid.getByRole('row', { name: new RegExp(`^device tool:write_file, held by ${title}`) }).click()
  await page.keyboard.press('d')
  const form = page.getByRole('group', { name: 'Revoke' })
  await form.getByText(/can no longer use tool:write_file/).waitFor()
  // The focus comes to the question, never to the act; Escape goes back without it.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Cancel')
  await page.keyboard.press('Escape')
  await form.waitFor({ state: 'detached' })
  expect((await held()).map((one) => one.target)).toContain('tool:write_file')
  await page.keyboard.press('d')
  await form.waitFor()
  await page.keyboard.press('Control+Enter')
  await until('it is gone', held, (now) => now.every((one) => one.target !== 'tool:write_file'))
  const { entries } = await client.audit.entries({ chain: `session:${sessionId}`, limit: 500 })
  expect(entries.map((entry) => entry.eventKind)).toContain('capability-revoked')
})

it('draws the same as a graph that the arrows go through', async () => {
  const { page } = running
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  const list = page.getByRole('listbox', { name: 'Who may do what' })
  await list.waitFor()
  await page.keyboard.press('End')
  expect(await list.getAttribute('aria-activedescendant')).toBeTruthy()
  await page.keyboard.press('g')
})

it('lists models and prices while none was called', async () => {
  const { page } = running
  await page.keyboard.press('Control+7')
  await page.getByText('No model was called yet.').waitFor()
  await page.keyboard.press(']')
  await page.getByRole('columnheader', { name: 'Address' }).waitFor()
  await page.keyboard.press(']')
  await page.getByText(/US dollars per million tokens, as of/).waitFor()
  await page.keyboard.press(']')
})

it('shows a session its own part', async () => {
  const { page } = running
  for (const [tab, text] of [
    ['processes', /1 process · /],
    ['authority', /Held by its processes now/],
    ['models', /called no model/],
  ] as const) {
    await page.evaluate((hash) => {
      window.location.hash = hash
    }, `#/session/${sessionId}/${tab}`)
    await page.getByRole('tabpanel').getByText(text).first().waitFor()
  }
})

it('shows the program of an agent with what it holds and uses', async () => {
  const { page } = running
  const folder = join(place.home, 'agent')
  mkdirSync(folder)
  const file = join(folder, 'counting-agent.mjs')
  copyFileSync(join(import.meta.dirname, 'fixtures/counting-agent.mjs'), file)
  chmodSync(file, 0o755)
  await client.agent.addCustom({ name: 'counting', file })
  const [project] = await client.project.list({})
  const started = await client.session.submit({
    projectId: project?.id ?? '',
    agent: 'custom:counting',
    prompt: '3000 steps',
    title: 'Aloud',
  })
  const { rows } = await until(
    'its program is measured',
    () => client.process.list({ sessionId: started.sessionId }),
    (list) => list.rows.some((row) => row.program !== null),
  )
  expect(rows.find((row) => row.kind === 'session')?.program).toBeNull()
  await page.keyboard.press('Control+5')
  const row = page.getByRole('row', { name: /custom:counting, .*program [\d.]+ MiB/ })
  await row.click()
  const inspector = page.getByRole('complementary', { name: 'Selected process' })
  await inspector.getByText('Its program runs outside the kernel.').waitFor()
  await inspector.getByText('Program, with all that it started').waitFor()
  // Said once two measurements differ, or once it is known that it stands still.
  await row.getByText(/\d %/).waitFor()
  await client.session.stop({ sessionId: started.sessionId })
  await page.mouse.move(0, 0)
  await row.waitFor({ state: 'detached' })
})

it('kills it, but only after it was asked', async () => {
  const { page } = running
  await page.keyboard.press('Control+5')
  await rowOf(page).click()
  await page.keyboard.press('k')
  const dialog = page.getByRole('dialog', { name: 'Kill this process?' })
  await dialog.getByText('It is a session').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog]').waitFor({ state: 'detached' })
  expect(await own()).toBeDefined()
  await page.keyboard.press('k')
  await pressByKey(page, dialog.getByRole('button', { name: 'Kill' }))
  await until('it is gone', own, (row) => row === undefined)
  await page.mouse.move(0, 0)
  await rowOf(page).waitFor({ state: 'detached' })
  // What was picked does not give way to something else under the hand that ended it.
  const inspector = page.getByRole('complementary', { name: 'Selected process' })
  await inspector.getByText('Has ended.').waitFor()
  await inspector.getByRole('heading', { name: title }).waitFor()
  expect(running.complaints).toEqual([])
})
