import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { type Client, connect } from '../../../src-main/cli/connect.ts'
import { statePaths } from '../../../src-main/config.ts'
import type { SessionRow } from '../../../src-main/contract/session.ts'
import { makeHome, makeRepository, until, writeScript } from '../../fixtures/daemon.ts'
import { launchApp } from '../../fixtures/electron-app.ts'
import { bringCalls, bringProgram } from './models.ts'
import { type ShownSession, shown } from './sessions.ts'
import { repositories } from './work.ts'

async function addProjects(client: Client, folder: string): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>()
  for (const [name, files] of Object.entries(repositories)) {
    const { projectId } = await client.project.add({ path: makeRepository(join(folder, name), files) })
    ids.set(name, projectId)
  }
  return ids
}

function hasCome(session: ShownSession, row: SessionRow): boolean {
  if (session.until === 'ended') return row.endedAtMs !== null
  if (session.until === 'asks') return row.openAsks > 0
  const isAtWork = row.phase === 'run' && (row.usage.outputTokens ?? 0) > 0
  return isAtWork || row.status === 'queued'
}

/** Starts one session, waits until it has come where it is wanted, and does with it what a person would. */
async function bring(
  client: Client,
  home: string,
  session: ShownSession,
  projectId: string,
): Promise<string> {
  const agent = writeScript(home, session.agent, { title: session.title, paceMs: 8, steps: session.steps })
  const { sessionId } = await client.session.submit({
    projectId,
    agent,
    prompt: session.title,
    budget: session.budget ?? {},
  })
  const row = async () => (await client.session.get({ sessionId })).row
  await until(`${session.title} ${session.until}`, row, (now) => hasCome(session, now))
  if (session.afterwards) await client.session[session.afterwards]({ sessionId })
  return sessionId
}

/** All at once; the last one then finds every slot taken and waits. */
async function bringAll(
  client: Client,
  home: string,
  projects: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const idOf = async (session: ShownSession): Promise<[string, string]> => {
    const id = await bring(client, home, session, projects.get(session.repository) ?? '')
    return [session.agent, id]
  }
  const ids = await Promise.all(shown.slice(0, -1).map(idOf))
  const { slots } = await client.fleet.overview({})
  await client.settings.set({ slots: slots.used })
  return new Map([...ids, ...(await Promise.all(shown.slice(-1).map(idOf)))])
}

async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    window.location.hash = next
  }, hash)
}

/** A picture of the window as it is once nothing in it changes by itself. */
async function shoot(page: Page, file: string): Promise<void> {
  await page.mouse.move(0, 0)
  await page.evaluate(() => document.fonts.ready.then(() => undefined))
  await page.screenshot({ path: file, animations: 'disabled' })
  process.stdout.write(`${file}\n`)
}

/** The window in one theme. */
async function wear(page: Page, client: Client, theme: 'light' | 'dark'): Promise<void> {
  await client.settings.set({ theme })
  await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme)
}

async function shootFleet(page: Page, client: Client, folder: string): Promise<void> {
  await go(page, '#/audit')
  await page.getByRole('button', { name: /^Verify all/ }).click()
  await page.getByText(/All intact/).waitFor()
  for (const [theme, name] of [
    ['light', 'fleet'],
    ['dark', 'fleet-dark'],
  ] as const) {
    await wear(page, client, theme)
    await go(page, '#/fleet')
    await page.getByRole('row', { name: /Retry webhooks with jitter/ }).click()
    await page.getByRole('group', { name: /Question: Install p-retry/ }).waitFor()
    await page.getByText('src/webhooks/').first().waitFor()
    await shoot(page, join(folder, `${name}.png`))
  }
  await wear(page, client, 'light')
}

/** Picks a line of the graph, as the arrows do. */
async function pickEdge(page: Page, name: RegExp): Promise<void> {
  const list = page.getByRole('listbox', { name: 'Who may do what' })
  const wanted = list.getByRole('option', { name, selected: true })
  await list.press('Home')
  for (let presses = 0; presses < 200 && (await wanted.count()) === 0; presses += 1)
    await page.keyboard.press('ArrowDown')
}

/** The kernel's screens: a program at work, who may do what, and model calls with one in mid-answer. */
async function shootKernel(page: Page, client: Client, folder: string): Promise<void> {
  for (const [theme, end] of [
    ['light', ''],
    ['dark', '-dark'],
  ] as const) {
    await wear(page, client, theme)
    await go(page, '#/processes')
    await page.getByRole('row', { name: /program \d/ }).click()
    await page.getByText('Program, with all that it started').waitFor()
    // Some samples, so that every speed is known.
    await page.waitForTimeout(5500)
    await shoot(page, join(folder, `processes${end}.png`))
    await go(page, '#/authority')
    await page.getByRole('treegrid', { name: 'Capabilities' }).focus()
    await page.keyboard.press('g')
    await pickEdge(page, /^Retry webhooks with jitter.*tool:run_command/)
    await shoot(page, join(folder, `authority${end}.png`))
    await page.keyboard.press('g')
    await go(page, '#/models')
    await page.getByRole('row', { name: /^cut:/ }).click()
    await page.waitForTimeout(1000)
    await shoot(page, join(folder, `models${end}.png`))
  }
  await wear(page, client, 'light')
}

async function shootAll(page: Page, client: Client, place: { home: string; folder: string }): Promise<void> {
  const { home, folder } = place
  await page.getByText('This computer can confine agents').waitFor()
  await shoot(page, join(folder, 'first-run.png'))
  await client.settings.set({ theme: 'light', slots: 12 })
  const projects = await addProjects(client, join(home, 'repositories'))
  const ids = await bringAll(client, home, projects)
  await shootFleet(page, client, folder)
  await go(page, `#/session/${ids.get('jitter')}`)
  await page.getByRole('option', { name: /deliver.js/ }).click()
  await page.getByText('backoffMs(attempt, random)').first().waitFor()
  await shoot(page, join(folder, 'session.png'))
  await go(page, `#/audit/${encodeURIComponent(`session:${ids.get('refunds')}`)}`)
  await page.getByRole('option').last().waitFor()
  await page.getByRole('heading', { name: /intact/ }).waitFor()
  await shoot(page, join(folder, 'audit.png'))
  await shootKernelAtWork(page, client, projects.get('payments-api') ?? '', place)
}

async function shootKernelAtWork(
  page: Page,
  client: Client,
  projectId: string,
  { home, folder }: { home: string; folder: string },
): Promise<void> {
  const { slots } = await client.fleet.overview({})
  await client.settings.set({ slots: slots.total + 3 })
  const program = await bringProgram(client, home, projectId)
  const server = await bringCalls(client, projectId)
  try {
    await shootKernel(page, client, folder)
  } finally {
    await server.close()
    await client.session.stop({ sessionId: program })
    const row = async () => (await client.session.get({ sessionId: program })).row
    await until('the program has ended', row, ({ endedAtMs }) => endedAtMs !== null)
  }
}

const folder = process.argv[2] ?? 'docs'
mkdirSync(folder, { recursive: true })
const place = makeHome()
const running = await launchApp({ home: place.home, env: { SIGNALBOX_SCRIPT_PACE: '1' } })
try {
  await running.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.setContentSize(1440, 900),
  )
  const client = connect(statePaths(place.home, running.env))
  await shootAll(running.page, client, { home: place.home, folder })
} finally {
  await running.close()
  place.remove()
}
