import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../src-main/cli/connect.ts'
import type { ActivityBody } from '../src-main/contract/activity.ts'
import { bundleAgent } from './fixtures/bundled-agent.ts'
import { connectWhenUp, gitIn, makeHome, makeRepository, until } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'

const place = makeHome()
let running: LaunchedApp
let client: Client
let program: string
let repository: string

beforeAll(async () => {
  program = await bundleAgent(join(place.home, 'agent'))
  repository = makeRepository(join(place.home, 'repository'))
  running = await launchApp({ home: join(place.home, 'state') })
  client = await connectWhenUp(join(place.home, 'state'), running.env)
})

afterAll(async () => {
  await running?.close()
  place.remove()
})

/** Wants to run a command, asks first, says what it was answered, and runs it when it may. */
const asks = {
  prompts: [
    [
      { say: 'I would like to write a greeting.' },
      {
        ask: {
          toolCall: {
            toolCallId: 'call-1',
            title: 'Write greeting.txt',
            kind: 'execute',
            rawInput: { command: 'echo hello > greeting.txt' },
          },
        },
      },
      { terminal: { command: 'sh', args: ['-c', 'echo hello > greeting.txt && echo written'] } },
    ],
  ],
}

const commandOf = (script: object) => `${program} '${JSON.stringify(script)}'`

async function addAgent(page: Page, name: string, command: string): Promise<void> {
  await page.getByRole('link', { name: 'Agents' }).click()
  await page.getByRole('button', { name: 'Add another by its command' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill(name)
  await page.getByRole('textbox', { name: 'Command' }).fill(command)
  await page.getByRole('button', { name: 'Add agent' }).click()
}

const rowOf = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

async function startSession(page: Page, agent: string, task: string): Promise<void> {
  await rowOf(page, agent).getByRole('button', { name: 'Start a session' }).click()
  const sheet = page.getByRole('dialog', { name: 'New session' })
  const path = sheet.getByRole('textbox', { name: 'Folder of the repository' })
  const choice = sheet.getByRole('combobox', { name: 'Repository' })
  await path.or(choice).waitFor()
  if (await path.isVisible()) {
    await path.fill(repository)
    await sheet.getByRole('button', { name: 'Add repository' }).click()
    await choice.waitFor()
  }
  await sheet.getByRole('textbox', { name: 'What is to be done' }).fill(task)
  await sheet.getByRole('button', { name: /^Start session/ }).click()
  await page.getByRole('heading', { name: task }).waitFor()
}

async function sessionCalled(title: string) {
  const { rows } = await client.session.list({ text: title })
  const [row] = rows
  if (!row) throw new Error(`no session called ${title}`)
  return row
}

it('adds an agent by its command and starts it behind the wall', async () => {
  const { page } = running
  await page.getByText('This computer can confine agents').waitFor()
  await page.getByRole('link', { name: 'Go to the fleet' }).click()
  await addAgent(page, 'greeter', commandOf(asks))
  await rowOf(page, 'greeter').getByText('greeter is ready.').waitFor()
  await startSession(page, 'greeter', 'Write a greeting.')
  await page.getByText('I would like to write a greeting.').waitFor()
  const { confinement, runtime, usage } = await sessionCalled('Write a greeting.')
  expect({ runtime, ...confinement }).toMatchObject({ runtime: 'acp', files: true, network: true })
  expect(usage.costUsdNanos).toBeNull()
  await page.getByText('cost unknown').waitFor()
})

it('does what was allowed in the window, and it lands', async () => {
  const { page } = running
  const question = page.getByRole('group', { name: 'Question: Write greeting.txt' })
  await question.getByText('echo hello > greeting.txt').waitFor()
  await page.getByRole('link', { name: /1 needs you/ }).waitFor()
  await question.getByRole('button', { name: 'Allow once' }).click()
  await page.getByText('outcome selected yes!').waitFor()
  await page.getByText('written [0]').waitFor()
  await page.getByRole('option', { name: /greeting.txt/ }).waitFor()
  await page.getByRole('button', { name: /^Land/ }).click()
  await page.getByRole('button', { name: /Undo landing/ }).waitFor()
  expect(gitIn(repository, 'show', 'HEAD:greeting.txt')).toBe('hello')
  const { id } = await sessionCalled('Write a greeting.')
  const { entries } = await client.audit.entries({ chain: `session:${id}` })
  expect(entries.map(({ eventKind }) => eventKind)).toEqual(
    expect.arrayContaining(['session-asked', 'session-answered', 'workarea-landed']),
  )
  expect((await client.audit.verify({ chain: `session:${id}` })).ok).toBe(true)
})

it('tells the agent of a refusal, among all that waits', async () => {
  const { page } = running
  await page.getByRole('link', { name: 'Fleet' }).click()
  await page.getByRole('link', { name: 'Agents' }).click()
  await startSession(page, 'greeter', 'Write another greeting.')
  await page.getByRole('link', { name: /1 needs you/ }).click()
  await page.getByRole('heading', { name: '1 question for you' }).waitFor()
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.getByText('Nothing waits for you.').waitFor()
  const { id } = await sessionCalled('Write another greeting.')
  const said = async () => (await client.session.activities({ sessionId: id })).items.map(({ body }) => body)
  const bodies = await until('the agent was told', said, (all) =>
    textOf(all).includes('outcome selected no!'),
  )
  expect(bodies.map(({ kind }) => kind)).toContain('answered')
})

function textOf(bodies: readonly ActivityBody[]): string {
  return bodies.map((body) => (body.kind === 'response' ? body.text : '')).join('')
}

it('shows a crash with what the program said last, and keeps what it did', async () => {
  const { page } = running
  const script = {
    stderr: 'greeter: out of paint\n',
    prompts: [[{ terminal: { command: 'sh', args: ['-c', 'echo half > half.txt'] } }, { crash: 3 }]],
  }
  await addAgent(page, 'crasher', commandOf(script))
  await startSession(page, 'crasher', 'Crash half-way.')
  await page
    .getByText(/crashed during .*exit code 3.*out of paint/)
    .first()
    .waitFor()
  await page.getByRole('option', { name: /half.txt/ }).waitFor()
  const row = await sessionCalled('Crash half-way.')
  expect(row).toMatchObject({ status: 'failed', workareaState: 'held', endReason: { kind: 'fault' } })
})

it('shows that a program never spoke the protocol', async () => {
  const { page } = running
  await page.getByRole('link', { name: 'Fleet' }).click()
  await addAgent(page, 'mute', commandOf({ crashFirst: 7, stderr: 'not today\n' }))
  await startSession(page, 'mute', 'Say something.')
  await page
    .getByText(/exit code 7.*not today/)
    .first()
    .waitFor()
  expect(await sessionCalled('Say something.')).toMatchObject({ status: 'failed' })
})

it('says that a program is missing, when it is added and when it went away', async () => {
  const { page } = running
  await page.getByRole('link', { name: 'Fleet' }).click()
  await addAgent(page, 'nowhere', '/nowhere/agent --acp')
  await page
    .getByRole('alert')
    .getByText(/does not exist|no such|not found|There is no/i)
    .waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  rmSync(program)
  await page.getByRole('button', { name: /^Look again/ }).click()
  const row = rowOf(page, 'greeter')
  await row.getByText(`There is no program at ${program}.`).waitFor()
  expect(await row.getByRole('button', { name: 'Start a session' }).isDisabled()).toBe(true)
  const [project] = await client.project.list({})
  const submitted = client.session.submit({
    projectId: project?.id ?? '',
    agent: 'custom:greeter',
    prompt: 'Write a third one.',
  })
  await expect(submitted).rejects.toMatchObject({ code: 'agent_unavailable' })
})

it('brought no complaint of the page', () => {
  expect(running.complaints).toEqual([])
})
