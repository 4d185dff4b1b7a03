import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../src-main/cli/connect.ts'
import { accessibilityFindings } from './fixtures/axe.ts'
import { connectWhenUp, makeHome, makeRepository, until } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'

const place = makeHome()
let running: LaunchedApp
let client: Client
const sessions = { reviewed: '', asking: '', stopped: '' }

beforeAll(async () => {
  running = await launchApp({ home: place.home, env: { SIGNALBOX_SCRIPT_PACE: '0' } })
  client = await connectWhenUp(place.home, running.env)
})

afterAll(async () => {
  await running?.close()
  place.remove()
})

const looks = [
  { theme: 'light', colorScheme: 'light' },
  { theme: 'dark', colorScheme: 'light' },
  { theme: 'contrast', colorScheme: 'light' },
  { theme: 'contrast', colorScheme: 'dark' },
] as const

/** Findings of what is shown now in light, dark and both high contrasts, each with the look it was found in. */
async function findings(page: Page): Promise<readonly string[]> {
  const found: string[] = []
  for (const { theme, colorScheme } of looks) {
    await page.emulateMedia({ colorScheme })
    await client.settings.set({ theme })
    const isDark = theme === 'dark' || colorScheme === 'dark'
    const wanted = { theme: isDark ? 'dark' : 'light', contrast: theme === 'contrast' ? 'high' : 'normal' }
    await page.waitForFunction((look) => {
      const { dataset } = document.documentElement
      return dataset.theme === look.theme && dataset.contrast === look.contrast
    }, wanted)
    const lines = await accessibilityFindings(page)
    found.push(...lines.map((line) => `${wanted.theme}, ${wanted.contrast} contrast: ${line}`))
  }
  return found
}

async function expectAccessible(hash: string, arrived: (page: Page) => Promise<void>): Promise<void> {
  const { page } = running
  await page.evaluate((next) => {
    window.location.hash = next
  }, hash)
  await arrived(page)
  expect(await findings(page)).toEqual([])
}

const heading = (name: string | RegExp) => (page: Page) =>
  page.getByRole('heading', { name, level: 1 }).first().waitFor()

it('first run', () =>
  expectAccessible('#/first-run', (page) => page.getByText('This computer can confine agents').waitFor()))

it('finds what is wrong with a page', async () => {
  const { page } = running
  await page.getByRole('main').evaluate((main) => {
    main.insertAdjacentHTML(
      'afterbegin',
      '<p id="planted" style="color: color-mix(in srgb, var(--text) 12%, var(--bg))">pale<button></button></p>',
    )
  })
  const found = await accessibilityFindings(page)
  await page.evaluate(() => document.getElementById('planted')?.remove())
  expect(found.some((line) => line.startsWith('color-contrast'))).toBe(true)
  expect(found.some((line) => line.startsWith('button-name'))).toBe(true)
})

it.each([
  ['fleet', '#/fleet', (page: Page) => page.getByText('No session yet.').waitFor()],
  ['queue', '#/queue', (page: Page) => page.getByText('Nothing waits.').waitFor()],
  ['needs you', '#/needs-you', (page: Page) => page.getByText('Nothing waits for you.').waitFor()],
  ['no such place', '#/no-such-place', (page: Page) => page.getByText('There is nothing').waitFor()],
  ['model calls', '#/models', (page: Page) => page.getByText('No model was called yet.').waitFor()],
  ['no such session', '#/session/ses-none', (page: Page) => page.getByRole('alert').waitFor()],
  ['no such chain', '#/audit/none', (page: Page) => page.getByText('Details').waitFor()],
])('empty: %s', (_name, hash, arrived) => expectAccessible(hash, arrived))

it('with sessions in several states', async () => {
  await startSessions()
  await expectAccessible('#/fleet', (page) =>
    page
      .getByRole('row', { name: /Count the files/ })
      .first()
      .waitFor(),
  )
})

/** One under review, one that asks, one that was stopped. */
async function startSessions(): Promise<void> {
  sessions.reviewed = (await client.fleet.demo({})).sessionId
  const { projectId } = await client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  const submit = async (agent: string, prompt: string) =>
    (await client.session.submit({ projectId, agent, prompt })).sessionId
  sessions.asking = await submit('scripted:ask', 'Count the files of this repository.')
  sessions.stopped = await submit('scripted:over-budget', 'Work until you are stopped.')
  await client.session.stop({ sessionId: sessions.stopped })
  const row = async (sessionId: string) => (await client.session.get({ sessionId })).row
  await until(
    'one asks',
    () => row(sessions.asking),
    ({ openAsks }) => openAsks === 1,
  )
  await until(
    'one was stopped',
    () => row(sessions.stopped),
    ({ status }) => status === 'stopped',
  )
  await until(
    'one is done',
    () => row(sessions.reviewed),
    ({ status }) => status === 'completed',
  )
}

it.each([
  [
    'while it asks',
    () => sessions.asking,
    (page: Page) => page.getByRole('group', { name: /Question/ }).waitFor(),
  ],
  [
    'under review',
    () => sessions.reviewed,
    (page: Page) => page.getByText("padStart(2, '0')").first().waitFor(),
  ],
  ['stopped', () => sessions.stopped, (page: Page) => page.getByText('stopped').first().waitFor()],
])('session: %s', (_name, id, arrived) => expectAccessible(`#/session/${id()}`, arrived))

it.each(['processes', 'authority', 'models', 'routing', 'chain'])('session: its %s', (tab) =>
  expectAccessible(`#/session/${sessions.reviewed}/${tab}`, (page) =>
    page.getByRole('tab', { name: new RegExp(tab.replace(/s$/, ''), 'i'), selected: true }).waitFor(),
  ),
)

it('session: side by side', async () => {
  await running.page.keyboard.press('u')
  await expectAccessible(`#/session/${sessions.reviewed}`, (page) =>
    page.getByRole('button', { name: 'Split', pressed: true }).waitFor(),
  )
  await running.page.keyboard.press('u')
})

it.each([
  ['needs you', '#/needs-you', (page: Page) => page.getByRole('group', { name: /Question/ }).waitFor()],
  ['agents', '#/agents', heading('Agents')],
  [
    'processes',
    '#/processes',
    (page: Page) =>
      page
        .getByRole('row', { name: /^Process/ })
        .first()
        .waitFor(),
  ],
  [
    'authority',
    '#/authority',
    (page: Page) => page.getByRole('treegrid', { name: 'Capabilities' }).waitFor(),
  ],
  ['audit', '#/audit', (page: Page) => page.getByRole('row', { name: /This machine/ }).waitFor()],
  ['storage', '#/storage', (page: Page) => page.getByRole('checkbox').first().waitFor()],
  ['settings', '#/settings', (page: Page) => page.getByRole('heading', { name: 'Model keys' }).waitFor()],
])('screen: %s', (_name, hash, arrived) => expectAccessible(hash, arrived))

it('screen: one chain, recomputed', () =>
  expectAccessible(`#/audit/${encodeURIComponent(`session:${sessions.reviewed}`)}`, (page) =>
    page.getByRole('option').first().waitFor(),
  ))

it('processes: the budget editor, and the question before an end', async () => {
  const { page } = running
  await expectAccessible('#/processes', async () => {
    await page.getByRole('row', { name: /^Process .*Count the files/ }).click()
    await page.keyboard.press('b')
    await page.getByRole('group', { name: 'Change the budget' }).waitFor()
  })
  await page.keyboard.press('Escape')
  await expectAccessible('#/processes', async () => {
    await page.keyboard.press('k')
    await page.getByRole('dialog', { name: 'Kill this process?' }).waitFor()
  })
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog]').waitFor({ state: 'detached' })
})

it('authority: as a graph, and what a revocation will do', async () => {
  const { page } = running
  await expectAccessible('#/authority', async () => {
    await page.getByRole('treegrid', { name: 'Capabilities' }).focus()
    await page.keyboard.press('g')
    await page.getByRole('listbox', { name: 'Who may do what' }).waitFor()
    await page.keyboard.press('End')
    await page.keyboard.press('d')
    await page.getByRole('group', { name: 'Revoke' }).waitFor()
  })
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
})

it.each(['Providers', 'Prices'])('models: %s', (part) =>
  expectAccessible('#/models', async (page) => {
    await page.getByRole('button', { name: part }).click()
    await page.getByRole('columnheader').first().waitFor()
  }),
)

it('agents: the form for one of your own', async () => {
  await expectAccessible('#/agents', async (page) => {
    await page.getByRole('button', { name: 'Add another by its command' }).click()
    await page.getByRole('textbox', { name: 'Command' }).waitFor()
  })
})

it.each([
  ['new session', 'Control+n', 'New session'],
  ['palette', 'Control+k', 'Search or run a command'],
  ['keys', 'F1', 'Keys'],
])('layer: %s', async (_name, key, name) => {
  const { page } = running
  await expectAccessible('#/fleet', async () => {
    await page.getByRole('grid', { name: 'Sessions' }).waitFor()
    await page.keyboard.press(key)
    await page.getByRole('dialog', { name }).waitFor()
  })
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog]').waitFor({ state: 'detached' })
})

it('layer: the question before a stop', async () => {
  const { page } = running
  await expectAccessible(`#/session/${sessions.asking}`, async () => {
    await page.getByRole('button', { name: /^Stop/ }).waitFor()
    await page.keyboard.press('Control+.')
    await page.getByRole('dialog', { name: 'Stop this session?' }).waitFor()
  })
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog]').waitFor({ state: 'detached' })
})

it('brought no complaint of the page', () => {
  expect(running.complaints).toEqual([])
})
