import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { expect, it } from 'vitest'
import { gitIn, makeHome, makeRepository, writeScript } from './fixtures/daemon.ts'
import { launchApp } from './fixtures/electron-app.ts'
import { expectNoTrap, pressByKey, tabTo } from './fixtures/keyboard.ts'

const quick = { SIGNALBOX_SCRIPT_PACE: '0.05' }

/** Screens by their number keys, and what tells that one is there. */
const places: readonly (readonly [string, (page: Page) => Promise<void>])[] = [
  ['Control+2', (page) => page.getByText('Nothing waits for you.').waitFor()],
  ['Control+3', (page) => page.getByRole('heading', { name: 'Queue' }).waitFor()],
  ['Control+4', (page) => page.getByRole('heading', { name: 'Agents' }).waitFor()],
  ['Control+5', (page) => page.getByRole('heading', { name: 'Processes', exact: true }).waitFor()],
  ['Control+6', (page) => page.getByRole('heading', { name: 'Authority', exact: true }).waitFor()],
  ['Control+7', (page) => page.getByRole('heading', { name: 'Models', exact: true }).waitFor()],
  ['Control+8', (page) => page.getByRole('heading', { name: 'Audit' }).waitFor()],
  ['Control+9', (page) => page.getByRole('heading', { name: 'Storage' }).waitFor()],
  ['Control+0', (page) => page.getByRole('heading', { name: 'Cost', exact: true }).waitFor()],
  ['Control+,', (page) => page.getByRole('heading', { name: 'Settings', exact: true }).waitFor()],
  ['Control+1', (page) => page.getByRole('grid', { name: 'Sessions' }).waitFor()],
]

function priceList(home: string): string {
  const [name = ''] = readdirSync(join(home, 'demo'))
  return readFileSync(join(home, 'demo', name, 'src/price.js'), 'utf8')
}

it('goes from the first run to a landed demo and back, and to every screen', async () => {
  const { page, home, complaints, close } = await launchApp({ env: quick })
  try {
    await page.getByText('This computer can confine agents').waitFor()
    await expectNoTrap(page)
    await pressByKey(page, page.getByRole('button', { name: /Run the demo/ }))
    await page.getByRole('heading', { name: 'The test fails. Find out why and fix it.' }).waitFor()
    await page.getByRole('button', { name: /^Land/ }).waitFor()
    await readTheWork(page)
    await page.keyboard.press('l')
    await page.getByRole('button', { name: /Undo landing/ }).waitFor()
    expect(priceList(home)).toContain('padStart')
    await page.keyboard.press('Control+z')
    await page.getByRole('button', { name: /^Land/ }).waitFor()
    expect(priceList(home)).not.toContain('padStart')
    await page.keyboard.press('Escape')
    await page.getByRole('grid', { name: 'Sessions' }).waitFor()
    await throughThePalette(page)
    for (const [keys, arrived] of places) {
      await page.keyboard.press(keys)
      await arrived(page)
      await expectNoTrap(page)
    }
    expect(complaints).toEqual([])
  } finally {
    await close()
  }
})

/** Activities with J and K, the diff with N, its form with U, the tabs with the arrows. */
async function readTheWork(page: Page): Promise<void> {
  const current = page.getByRole('region', { name: 'Activity' }).locator('[aria-current=step]')
  await page.keyboard.press('k')
  await current.getByText(/^Done\. /).waitFor()
  for (let steps = 0; steps < 40 && !(await current.getByText('Plan').first().isVisible()); steps += 1)
    await page.keyboard.press('k')
  await page.keyboard.press('j')
  await current.waitFor()
  await page.getByText("padStart(2, '0')").first().waitFor()
  await page.keyboard.press('n')
  await page.getByText('1 of 1').waitFor()
  await page.keyboard.press('u')
  await page.getByRole('button', { name: 'Split', pressed: true }).waitFor()
  await page.keyboard.press('u')
  await page.getByRole('button', { name: 'Unified', pressed: true }).waitFor()
  await expectNoTrap(page)
  await tabTo(page, page.getByRole('tab', { name: 'Activity' }))
  for (const name of ['Processes', 'Authority', 'Model calls', 'Routing', 'Chain']) {
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name, selected: true }).waitFor()
  }
  await page.getByText(/entries intact/).waitFor()
  await page.keyboard.press('ArrowRight')
  await page.getByRole('tab', { name: 'Activity', selected: true }).waitFor()
}

async function throughThePalette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Search or run a command' })
  await palette.getByRole('combobox').waitFor()
  await page.keyboard.type('storage')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Storage' }).waitFor()
  await untilNoLayer(page)
  await page.keyboard.press('Control+k')
  await palette.waitFor()
  await page.keyboard.press('Escape')
  await untilNoLayer(page)
  await page.keyboard.press('?')
  const keys = page.getByRole('dialog', { name: 'Keys' })
  await keys.waitFor()
  await page.keyboard.press('Escape')
  await untilNoLayer(page)
}

it('starts sessions on a real repository, answers one, stops one, and discards after asking', async () => {
  const place = makeHome()
  const repository = makeRepository(join(place.home, 'work on this'), { 'src/b.txt': 'two\n' })
  writeScript(place.home, 'goes-on', {
    steps: [
      { do: 'write', path: 'left.txt', text: 'left\n' },
      { do: 'say', text: 'I go on now.' },
      { do: 'sleep', ms: 3_600_000 },
    ],
  })
  const { page, complaints, close } = await launchApp({
    home: place.home,
    env: { SIGNALBOX_SCRIPT_PACE: '1' },
  })
  try {
    await page.getByText('This computer can confine agents').waitFor()
    await page.keyboard.press('Control+1')
    await page.getByText('No session yet.').waitFor()
    await page.keyboard.press('n')
    await addRepository(page, repository)
    await startSession(page, 'Asks for permission', 'Count the files of this repository.')
    await answer(page)
    expect(gitIn(repository, 'status', '--porcelain')).toBe('')
    await page.keyboard.press('Control+n')
    await startSession(page, 'goes-on', 'Work until you are stopped.')
    await page.getByText(/^I go on/).waitFor()
    await stop(page)
    await discard(page)
    expect(gitIn(repository, 'status', '--porcelain')).toBe('')
    expect(complaints).toEqual([])
  } finally {
    await close()
    place.remove()
  }
})

async function addRepository(page: Page, repository: string): Promise<void> {
  const sheet = page.getByRole('dialog', { name: 'New session' })
  await tabTo(page, sheet.getByRole('textbox', { name: 'Folder of the repository' }))
  await page.keyboard.type(repository)
  await pressByKey(page, sheet.getByRole('button', { name: 'Add repository' }))
  await sheet.getByRole('combobox', { name: 'Repository' }).waitFor()
}

/** The agent is picked by typing the beginning of its name, as in any list of choices. */
async function startSession(page: Page, agent: string, task: string): Promise<void> {
  const sheet = page.getByRole('dialog', { name: 'New session' })
  await tabTo(page, sheet.getByRole('combobox', { name: 'Agent' }))
  await page.keyboard.type(agent.slice(0, 8))
  await tabTo(page, sheet.getByRole('textbox', { name: 'What is to be done' }))
  await page.keyboard.type(task)
  await page.keyboard.press('Control+Enter')
  await page.getByRole('heading', { name: task }).waitFor()
  await untilNoLayer(page)
}

/** While a layer fades it still takes the keys, so that none meant for it reaches what lies behind. */
async function untilNoLayer(page: Page): Promise<void> {
  await page.locator('[role=dialog]').waitFor({ state: 'detached' })
}

/** `Y` arms, Escape leaves it, `Y` twice allows. */
async function answer(page: Page): Promise<void> {
  const question = page.getByRole('group', { name: 'Question: Run git ls-files' })
  await question.waitFor()
  await page.keyboard.press('y')
  const armed = page.getByText('Y or Enter allows it, Esc leaves it')
  await armed.waitFor()
  await page.keyboard.press('Escape')
  await armed.waitFor({ state: 'hidden' })
  await page.keyboard.press('y')
  await armed.waitFor()
  await page.keyboard.press('y')
  await page.getByText(/Thank you. The list is above/).waitFor()
  await page.getByRole('button', { name: /^Land/ }).waitFor()
}

async function stop(page: Page): Promise<void> {
  await page.keyboard.press('Control+.')
  const asked = page.getByRole('dialog', { name: 'Stop this session?' })
  await asked.waitFor()
  await page.keyboard.press('Escape')
  await untilNoLayer(page)
  await page.getByRole('button', { name: /^Stop/ }).waitFor()
  await page.keyboard.press('Control+.')
  await pressByKey(page, asked.getByRole('button', { name: 'Stop' }))
  await page.getByRole('button', { name: /^Discard/ }).waitFor()
  await untilNoLayer(page)
}

/** The safe answer has the focus first, and leaving the question changes nothing. */
async function discard(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: /^Discard/ })
  await pressByKey(page, button)
  const asked = page.getByRole('dialog', { name: 'Discard the changes of this session?' })
  await asked.waitFor()
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel')
  await page.keyboard.press('Enter')
  await untilNoLayer(page)
  await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true)
  await page.keyboard.press('Enter')
  await pressByKey(page, asked.getByRole('button', { name: 'Discard' }))
  await page.getByText('The session was discarded.').waitFor()
}
