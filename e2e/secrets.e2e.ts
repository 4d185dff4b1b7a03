import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ProjectId, SessionId } from '../src-main/contract/ids.ts'
import {
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

// Made up, and put together here so that no scanner takes this file for a leak.
const made = (...parts: readonly string[]) => parts.join('')
const providerKey = made('unusual-provider-key', '-4711-', 'Zq8wLm2x')
const promptToken = made('gh', 'p_', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8')
const envPassword = made('corr3ct horse', ' b4ttery', ' staple')
const envToken = made('tok', 'en_live_', '9f8e7d6c5b4a39281706')
const carriedToken = made('another', '_local_', '77a6b5c4d3e2f1')
const secrets = { providerKey, promptToken, envPassword, envToken, carriedToken }

const ground = makeHome()
const home = join(ground.home, 'state')
const repository = join(ground.home, 'repository')
let daemon: TestDaemon
let projectId: ProjectId

beforeAll(async () => {
  makeRepository(repository, { '.env': `DB_PASSWORD="${envPassword}"\nAPI_TOKEN=${envToken}\nPORT=3000\n` })
  writeFileSync(join(repository, '.env.local'), `LOCAL_TOKEN=${carriedToken}\n`)
  daemon = await startDaemon(home)
  await daemon.client.agent.setKey({ provider: 'openai-compatible', key: providerKey })
  projectId = (await daemon.client.project.add({ path: repository })).projectId
})
afterAll(async () => {
  await daemon.kill('SIGTERM')
  ground.remove()
})

const everything = Object.values(secrets).join('\n')
const inPieces = [
  'printf %s "$0" | fold -w 7 | while read -r x; do printf %s "$x"; sleep 0.02; done',
  everything,
]

async function run(agent: string, prompt = 'Go.'): Promise<SessionId> {
  const { sessionId } = await daemon.client.session.submit({ projectId, prompt, agent, carryChanges: true })
  await until(
    'it has ended',
    async () => (await daemon.client.session.get({ sessionId })).row,
    (row) => row.endedAtMs !== null,
  )
  return sessionId
}

const said = async (sessionId: SessionId) => {
  const { items } = await daemon.client.session.activities({ sessionId, limit: 2000 })
  return items.map(({ body }) => ('text' in body ? body.text : JSON.stringify(body))).join('')
}

/** Files below a folder that hold a secret, in any of the forms in which bytes are stored. */
function leaks(folder: string, except: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const path = join(folder, name)
    if (except.test(name) || !statSync(path).isFile()) return []
    const bytes = readFileSync(path)
    return Object.entries(secrets).flatMap(([secret, text]) =>
      [text, JSON.stringify(text).slice(1, -1), Buffer.from(text).toString('base64').slice(0, -4)].some(
        (form) => bytes.includes(form),
      )
        ? [`${name} holds ${secret}`]
        : [],
    )
  })
}

it('secrets that agents read, are told or print are stored nowhere', async () => {
  writeScript(home, 'reads', {
    steps: [
      { do: 'read', path: '.env' },
      { do: 'run', command: ['sh', '-c', 'cat .env .env.local; cat .env | base64 -w 0'], expect: 'any' },
    ],
  })
  writeScript(home, 'prints', { steps: [{ do: 'run', command: ['bash', '-c', ...inPieces], expect: 'any' }] })
  writeScript(home, 'says', {
    paceMs: 3,
    steps: [
      { do: 'think', text: `I know ${everything}.` },
      { do: 'say', text: `They are: ${everything}. ${[...everything].join('')} That was all.` },
      { do: 'progress', text: `Using ${envToken}` },
      { do: 'fail', reason: `It did not work with ${providerKey}` },
    ],
  })
  writeScript(home, 'asks', {
    steps: [{ do: 'ask', title: `May I use ${envToken}?`, why: providerKey, command: ['x', envPassword] }],
  })
  const first = await run('scripted:reads', `Use this token: ${promptToken}, please.`)
  expect(await said(first)).toMatch(/PORT=3000/)
  expect((await daemon.client.session.get({ sessionId: first })).prompt).toBe('Use this token: ***, please.')
  expect(await said(await run('scripted:prints'))).toContain('***')
  const spoken = await said(await run('scripted:says'))
  expect(spoken).toContain('***')
  expect(spoken).toContain('That was all.')
  const asking = (await daemon.client.session.submit({ projectId, prompt: 'Go.', agent: 'scripted:asks' }))
    .sessionId
  const [ask] = await until(
    'it asks',
    () => daemon.client.fleet.asks({}),
    (asks) => asks.length > 0,
  )
  expect(JSON.stringify(ask)).toContain('***')
  await daemon.client.session.prompt({ sessionId: asking, text: `Also ${promptToken}` })
  await daemon.client.session.stop({ sessionId: asking, reason: `because of ${promptToken}` })
  await until(
    'it has ended',
    async () => (await daemon.client.session.get({ sessionId: asking })).row,
    (row) => row.endedAtMs !== null,
  )
  // While it runs: the write-ahead log counts as well. The scripts are the test's own; clones hold the user's files.
  const others = /^(?:scripts|workareas|secrets)\b/
  expect(leaks(home, others)).toEqual([])
  expect(leaks(join(home, 'secrets'), /^$/)).toEqual(['keys.json holds providerKey'])
  expect(statSync(join(home, 'secrets', 'keys.json')).mode & 0o077).toBe(0)
})

it('what an agent in a shim says is masked, and its raw log goes with it', async () => {
  const folder = join(ground.home, 'agent')
  mkdirSync(folder)
  const file = join(folder, 'counting-agent.mjs')
  copyFileSync(join(import.meta.dirname, 'fixtures/counting-agent.mjs'), file)
  chmodSync(file, 0o755)
  await daemon.client.agent.addCustom({ name: 'echo', file, env: { ECHO_TOKEN: envToken, ECHO: everything } })
  const id = await run('custom:echo', '1 step')
  expect(await said(id)).toContain('step 1 of 1')
  expect(await said(id)).toContain('***')
  await daemon.kill('SIGTERM')
  // The user's own settings hold the environment that they gave; everything an agent said is masked.
  expect(leaks(home, /^(?:scripts|workareas|secrets|signalbox\.db)/)).toEqual([])
  daemon = await startDaemon(home)
  expect(await daemon.client.audit.verifyAll({})).toMatchObject({ ok: true })
})
