import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Client, connect } from '../src-main/cli/connect.ts'
import { statePaths } from '../src-main/config.ts'
import { makeHome, makeRepository, startDaemon, until, writeScript } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'
import { processesOf } from './fixtures/process-tree.ts'
import { projectRoot } from './tools/project.mjs'

let place: ReturnType<typeof makeHome>
let client: Client

beforeEach(() => {
  place = makeHome()
  client = connect(statePaths(place.home, process.env))
})

afterEach(() => place.remove())

const natural = { SIGNALBOX_SCRIPT_PACE: '1' }
/** Slow enough to be found at work, where the whole demo is waited for. */
const brisk = { SIGNALBOX_SCRIPT_PACE: '0.4' }
const demoTitle = 'The test fails. Find out why and fix it.'

async function runDemo(page: Page): Promise<void> {
  await page.getByText('This computer can confine agents').waitFor()
  await page.getByRole('button', { name: /Run the demo/ }).click()
  await page.getByRole('heading', { name: demoTitle }).waitFor()
}

async function demoRow() {
  const { rows } = await client.session.list({})
  const [row] = rows
  if (!row) throw new Error('no session')
  return row
}

/** Nothing names the state directory any more: no window process, no shim, no agent, no tool of one. */
const untilNoProcess = () =>
  until(
    'no process is left',
    async () => processesOf(place.home),
    (found) => found.length === 0,
  )

/** A script whose tool runs for an hour. */
function endless(): string {
  return writeScript(place.home, 'endless', {
    steps: [
      { do: 'write', path: 'begun.txt', text: 'begun\n' },
      { do: 'run', command: ['sleep', '3600'] },
    ],
  })
}

async function startEndless(): Promise<string> {
  const { projectId } = await client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  const { sessionId } = await client.session.submit({
    projectId,
    agent: endless(),
    prompt: 'Go on for ever.',
  })
  await until(
    'its tool runs',
    async () => processesOf(place.home),
    (found) => found.some((line) => line.includes('sleep 3600')),
  )
  return sessionId
}

it('tells the truth after it was killed in the middle of a session', async () => {
  const first = await launchApp({ home: place.home, env: natural })
  try {
    await runDemo(first.page)
    await first.page.getByText(/I will look at how prices/).waitFor()
    const gone = once(first.app.process(), 'exit')
    first.app.process().kill('SIGKILL')
    await gone
  } finally {
    await first.close()
  }
  const second = await launchApp({ home: place.home, env: natural })
  try {
    const { page } = second
    const row = page.getByRole('row', { name: new RegExp(demoTitle) })
    await row.waitFor()
    await row.dblclick()
    await page.getByRole('heading', { name: demoTitle }).waitFor()
    const { status, endMessage, endedAtMs } = await demoRow()
    expect({ status, isEnded: endedAtMs !== null }).toEqual({ status: 'failed', isEnded: true })
    await page
      .getByText(endMessage ?? '')
      .first()
      .waitFor()
    await page.getByText(/I will look at how prices/).waitFor()
    await page.getByRole('tab', { name: 'Chain' }).click()
    await page.getByText(/entries intact/).waitFor()
    expect(second.complaints).toEqual([])
  } finally {
    await second.close()
  }
  await untilNoProcess()
})

it('shows the sessions of a daemon that runs already, and leaves it running', async () => {
  let daemon = await startDaemon(place.home, { env: brisk })
  let window: LaunchedApp | undefined
  try {
    window = await launchApp({ home: place.home, env: brisk })
    const { page } = window
    await runDemo(page)
    expect((await demoRow()).status).toBe('working')
    await page.getByRole('button', { name: /^Land/ }).waitFor()
    await page.getByText("padStart(2, '0')").first().waitFor()
    await daemon.kill('SIGTERM')
    await page
      .getByRole('alert')
      .getByText(/The daemon does not answer since/)
      .waitFor()
    await page.getByRole('heading', { name: demoTitle }).waitFor()
    expect(await page.getByRole('button', { name: /^Land/ }).isDisabled()).toBe(true)
    daemon = await startDaemon(place.home, { env: brisk })
    await page.getByText(/The daemon does not answer since/).waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: /^Land/ }).click()
    await page.getByRole('button', { name: /Undo landing/ }).waitFor()
    const ended = once(window.app.process(), 'exit')
    await closeWindow(window)
    await ended
    expect((await demoRow()).workareaState).toBe('landed')
    expect(window.complaints).toEqual([])
  } finally {
    await window?.close()
    await daemon.kill('SIGTERM')
  }
  await untilNoProcess()
})

const closeWindow = ({ app }: LaunchedApp) =>
  app.evaluate(({ BrowserWindow }) => {
    for (const window of BrowserWindow.getAllWindows()) window.close()
  })

it('goes on without a window until it is opened again by command', async () => {
  const running = await launchApp({ home: place.home, env: natural })
  try {
    await running.page.getByText('This computer can confine agents').waitFor()
    const sessionId = await startEndless()
    const closed = running.page.waitForEvent('close')
    await closeWindow(running)
    await closed
    expect(running.app.windows()).toEqual([])
    expect((await client.session.get({ sessionId })).row.status).toBe('working')
    const opened = running.app.waitForEvent('window')
    expect(await signalbox(running, 'open', sessionId)).toBe(0)
    const page = await opened
    await page.getByRole('heading', { name: 'Go on for ever.' }).waitFor()
    await page.getByRole('button', { name: /^Stop/ }).waitFor()
    expect(await signalbox(running, 'open')).toBe(0)
    expect(running.app.windows()).toHaveLength(1)
    expect(running.complaints).toEqual([])
  } finally {
    await running.close()
  }
  await untilNoProcess()
})

/** The command line on the machine's own Node, as set-up links it. */
async function signalbox(running: LaunchedApp, ...args: string[]): Promise<number> {
  const cli = join(projectRoot, 'out/main/cli.js')
  const child = spawn('node', [cli, '--home', place.home, ...args], { env: running.env, stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  return Number(code)
}

it('ends everything when it is quit, and says so at the next start', async () => {
  const first = await launchApp({ home: place.home, env: natural })
  let sessionId: string
  try {
    await first.page.getByText('This computer can confine agents').waitFor()
    sessionId = await startEndless()
    const exit = once(first.app.process(), 'exit')
    await first.app.evaluate(({ app }) => app.quit())
    expect((await exit)[0]).toBe(0)
    await untilNoProcess()
  } finally {
    await first.close()
  }
  const second = await launchApp({
    home: place.home,
    env: natural,
    args: [`signalbox://session/${sessionId}`],
  })
  try {
    await second.page.getByRole('heading', { name: 'Go on for ever.' }).waitFor()
    const { row } = await client.session.get({ sessionId })
    expect(row).toMatchObject({ endReason: { kind: 'shutdown' }, workareaState: 'held' })
    await second.page
      .getByText(row.endMessage ?? '')
      .first()
      .waitFor()
    await second.page.getByRole('option', { name: /begun.txt/ }).waitFor()
    expect(second.complaints).toEqual([])
  } finally {
    await second.close()
  }
})
