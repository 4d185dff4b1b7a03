import { MessageChannel, type MessagePort } from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compose, type House } from '../src-main/compose.ts'
import { readConfig } from '../src-main/config.ts'
import { contract } from '../src-main/contract/index.ts'
import type { Procedure } from '../src-main/contract/procedure.ts'
import type { ServerEnvelope } from '../src-main/wire/envelope.ts'
import type { Port } from '../src-main/wire/port.ts'
import { servePort } from '../src-main/wire/port-server.ts'
import {
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'
import { fault, hostileInputs, type Known, type Outcome } from './fixtures/hostile.ts'
import { askRaw, sayRaw } from './fixtures/raw-door.ts'

const all: readonly (readonly [string, Procedure])[] = Object.entries(contract).flatMap(([noun, group]) =>
  Object.entries(group).map(([verb, procedure]): [string, Procedure] => [`${noun}.${verb}`, procedure]),
)
/** Of each generator's time, how much one procedure on one wire gets. */
const shareMs = Math.max(100, Number(process.env.SIGNALBOX_PROPERTY_MS ?? 5000) / 20)
const mostInputs = 100
const fewestInputs = 5
const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)

const ground = makeHome()
let known: Known

beforeAll(() => {
  console.log(`seed ${seed}`)
})
afterAll(() => ground.remove())

/** A project and a session that has ended, so that names of real things can be used for mischief. */
async function furnish(client: TestDaemon['client'], home: string): Promise<Known> {
  const repository = makeRepository(`${home} repository`)
  const agent = writeScript(home, 'note', { steps: [{ do: 'write', path: 'note.txt', text: 'note\n' }] })
  const { projectId } = await client.project.add({ path: repository })
  const { sessionId } = await client.session.submit({ projectId, prompt: 'Leave a note.', agent })
  await until(
    'the session has ended',
    () => client.session.get({ sessionId }),
    ({ row }) => row.endedAtMs !== null,
  )
  return {
    projectId,
    sessionId,
    words: [repository, '/', 'note.txt', 'main', 'custom:x', '/bin/true', `session:${sessionId}`],
  }
}

/** Each procedure gets its share of time, and in any case a few inputs. */
async function hold(
  ask: (path: string, input: unknown) => Promise<Outcome>,
  see: (input: unknown) => unknown,
) {
  const faults: string[] = []
  for (const [path, procedure] of all) {
    const endMs = Date.now() + shareMs
    const inputs = fc.sample(hostileInputs(procedure, known), { seed, numRuns: mostInputs })
    for (const [index, input] of inputs.entries()) {
      if (index >= fewestInputs && Date.now() > endMs) break
      const wrong = fault(procedure, see(input), await ask(path, input))
      if (wrong) faults.push(`${path}: ${wrong}: ${JSON.stringify(input).slice(0, 300)}`)
    }
  }
  expect(faults).toEqual([])
}

const overJson = (input: unknown): unknown => JSON.parse(JSON.stringify(input))

describe('over the Unix socket of a daemon', () => {
  const home = `${ground.home}/daemon`
  let daemon: TestDaemon
  beforeAll(async () => {
    daemon = await startDaemon(home)
    known = await furnish(daemon.client, home)
  })
  afterAll(() => daemon.kill('SIGTERM'))

  it('any input of any procedure gets a clear answer', async () => {
    await hold((path, input) => askRaw(home, path, JSON.stringify(input)), overJson)
    const { conditions } = await daemon.client.fleet.overview({})
    expect(conditions).toEqual([])
    expect(daemon.process.exitCode).toBeNull()
    expect(daemon.output()).not.toMatch(/Error|Unhandled/)
  })

  it('what is no JSON, too much, or for nobody, is refused', async () => {
    const codeOf = async (path: string, body: string, options?: Parameters<typeof sayRaw>[3]) => {
      const { status, text } = await sayRaw(home, path, body, options)
      return `${status} ${String(JSON.parse(text).error?.code)}`
    }
    expect(await codeOf('session.get', '{"sessionId":')).toBe('400 invalid_input')
    expect(await codeOf('session.get', '[')).toBe('400 invalid_input')
    expect(await codeOf('session.get', '['.repeat(200_000))).toBe('400 invalid_input')
    expect(await codeOf('session.get', `"${'x'.repeat(2_000_000)}"`)).toBe('413 too_large')
    expect(await codeOf('session.get', '{}', { headers: { 'content-type': 'text/plain' } })).toBe(
      '400 invalid_input',
    )
    expect(await codeOf('session.stop', '', { method: 'GET' })).toBe('400 invalid_input')
    expect(await codeOf('session.stop', '{}', { headers: { 'x-command-id': '../..' } })).toBe(
      '400 invalid_input',
    )
    expect(await codeOf('constructor.prototype', '{}')).toBe('404 unknown_procedure')
    expect(await codeOf('session.constructor', '{}')).toBe('404 unknown_procedure')
    expect(await codeOf('fleet.overview', '{}', { headers: { authorization: 'Bearer x' } })).toBe(
      '401 unauthorised',
    )
    expect(await codeOf('fleet.overview', '{}', { headers: { origin: 'http://localhost' } })).toBe(
      '403 forbidden',
    )
    expect(await codeOf('fleet.facts', '{}', { headers: { 'last-event-id': 'rows:1' } })).toBe(
      '400 invalid_input',
    )
    expect((await daemon.client.fleet.overview({})).daemon).toBe('ready')
  })

  it('a hostile base, title and prompt of a session are its own trouble', async () => {
    const { client } = daemon
    const projectId = (await client.project.list({}))[0]?.id ?? ''
    const say = (more: object) =>
      askRaw(
        home,
        'session.submit',
        JSON.stringify({ projectId, agent: 'scripted:note', prompt: 'x', ...more }),
      )
    const bases = [
      '--upload-pack=touch /tmp/x',
      '\0',
      'a\0b',
      '@{-1}',
      '..',
      'refs/../../x',
      '\ud800',
      '$(id)',
    ]
    const outcomes = await Promise.all([
      ...bases.map((base) => say({ base })),
      say({ prompt: 'a\0b\ud800c', title: '\u202e\0\ud800' }),
    ])
    expect(outcomes.filter((one) => 'error' in one && one.error.code === 'internal')).toEqual([])
    const rows = await until(
      'all have ended',
      async () => (await client.session.list({})).rows,
      (list) => list.every((row) => row.endedAtMs !== null),
    )
    for (const row of rows.filter(({ status }) => status === 'failed'))
      expect(row.endMessage, row.id).toMatch(/has no branch, tag or commit/)
    expect((await client.audit.verifyAll({})).ok).toBe(true)
  })
})

describe('over the port of a window', () => {
  const home = `${ground.home}/window`
  let house: House
  let port: MessagePort
  let close: () => void
  const waiting = new Map<number, (outcome: Outcome) => void>()

  beforeAll(async () => {
    house = await compose(
      readConfig({ home, 'no-http': true }, { SIGNALBOX_SCRIPT_PACE: '0', SIGNALBOX_CHECK_OUTPUT: '1' }),
    )
    const channel = new MessageChannel()
    const server = servePort(toPort(channel.port1), house.router, {
      actor: { kind: 'operator', id: 'window' },
      nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
      setTimer: (act, ms) => void setTimeout(act, ms),
    })
    port = channel.port2
    port.on('message', (message: ServerEnvelope) => {
      if (message.t === 'item') waiting.get(message.id)?.({ value: message.items })
      else if (message.t === 'end')
        waiting.get(message.id)?.(message.error ? { error: message.error } : { value: null })
      else waiting.get(message.id)?.(message.ok ? { value: message.value } : { error: message.error })
    })
    close = () => {
      server.close()
      port.close()
    }
  })
  afterAll(async () => {
    close()
    await house.close()
  })

  let lastId = 0
  const ask = (path: string, input: unknown): Promise<Outcome> => {
    const id = ++lastId
    const kind = house.router.find(path)?.kind
    return new Promise((resolve) => {
      const done = (outcome: Outcome) => {
        waiting.delete(id)
        port.postMessage({ t: 'cancel', id })
        resolve(outcome)
      }
      waiting.set(id, done)
      port.postMessage({ t: kind === 'stream' ? 'open' : 'req', id, path, input })
      if (kind === 'stream') setTimeout(() => done({ value: null }), 300)
    })
  }

  it('any input of any procedure gets a clear answer, also what no JSON can say', async () => {
    await hold(ask, (input) => structuredClone(input))
    const cyclic: Record<string, unknown> = {}
    cyclic.sessionId = cyclic
    const odd = [
      undefined,
      Number.NaN,
      10n,
      new Date(),
      new Map([[1, cyclic]]),
      cyclic,
      new Uint8Array(10),
      /x/,
    ]
    for (const [path, procedure] of all) {
      if (['fleet.demo', 'fleet.drain', 'fleet.pause'].includes(path)) continue
      for (const input of [...odd, ...odd.map((value) => ({ sessionId: value, path: value, ids: value }))]) {
        if (procedure.input.safeParse(input ?? {}).success) continue
        expect(fault(procedure, input, await ask(path, input)), `${path} ${String(input)}`).toBeUndefined()
      }
    }
    expect(await ask('fleet.overview', {})).toMatchObject({ value: { daemon: 'ready' } })
  })
})

function toPort(port: MessagePort): Port {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  }
}
