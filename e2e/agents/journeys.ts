import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgentProgram } from '../../src-main/adapters/acp/agent-table.ts'
import type { ProviderId } from '../../src-main/contract/agent.ts'
import type { Runtime } from '../../src-main/ports/runtime.ts'
import { type ModelServer, startModelServer } from '../fixtures/model-server/model-server.ts'
import { writeFileTurns } from '../fixtures/model-server/offered-tools.ts'
import type { Turn } from '../fixtures/model-server/turn.ts'
import type { PlainSession } from '../fixtures/plain-session.ts'
import { type AgentBench, type BenchSession, createAgentBench, programsOf } from './real-agent.ts'

/** What is particular about a CLI's journeys. */
export interface AgentJourney {
  readonly agent: string
  readonly provider: ProviderId
  readonly model: string
  /** How its model would write a file so that a person is asked; absent = its own write tool. */
  readonly writeTurns?: (path: string, content: string) => readonly Turn[]
  /** A login that leads to the model server, planted into the user's home. */
  readonly login: {
    readonly path: string
    readonly content: (address: string) => string
    /** Where its address is no part of the login: the CLI's table entry with it in its configuration. */
    readonly table?: (address: string) => readonly AgentProgram[]
  }
}

/** The key that is planted, and the loopback port behind the wall that leads to the model server. */
export const plantedKey = 'planted-key-0123456789'
const insidePort = 41_999

const never = new AbortController().signal

/** What the journeys of one CLI share: made anew for each of them. */
interface Bed {
  bench: AgentBench
  server: ModelServer
  /** A runtime whose sessions reach the model server where the gateway would be. */
  runtime(): Runtime
  session(options?: Partial<BenchSession>): PlainSession
  writeTurns(path: string, content: string): readonly Turn[]
}

/** The journeys that every real CLI goes through, unmodified, against the local model server. */
export function describeAgent(journey: AgentJourney): void {
  describe.skipIf(programsOf(journey.agent) === undefined)(`${journey.agent}`, () => {
    const bed = {
      runtime: () => bed.bench.runtime({}, { provider: journey.provider, model: journey.model }),
      session: (options = {}) => {
        const { hostname, port } = new URL(bed.server.url)
        const gateway = () => ({ host: hostname, port: Number(port), key: 'session-key' })
        return bed.bench.session({ agent: journey.agent, payment: 'signalbox', gateway, ...options })
      },
      writeTurns: journey.writeTurns ?? writeFileTurns,
    } as Bed
    beforeEach(async () => {
      bed.bench = createAgentBench(journey.agent)
      bed.server = await startModelServer({ models: [journey.model], script: [] })
    })
    afterEach(async () => {
      await bed.bench.close()
      await bed.server.close()
    })
    describeWork(journey, bed)
    describeEnds(journey, bed)
    describeLogin(journey, bed)
  })
}

function describeWork(journey: AgentJourney, bed: Bed): void {
  it('is found, with its version', async () => {
    const agents = await bed.runtime().agents({ isFresh: true })
    expect(agents.find(({ id }) => id === journey.agent)).toMatchObject({
      state: 'ready',
      payments: ['signalbox'],
      version: expect.stringMatching(/^\d+\.\d+/),
    })
  })

  it('writes a file after it was allowed to', async () => {
    const target = join(bed.bench.workarea, 'hello.txt')
    bed.server.setScript(bed.writeTurns(target, 'hello from the agent\n'))
    const plain = bed.session()
    const startedAt = performance.now()
    const handle = await bed.runtime().start(plain.session)
    const readyMs = performance.now() - startedAt
    const result = await handle.turn('Write hello.txt', never)
    const doneMs = performance.now() - startedAt
    await handle.close()
    report(journey.agent, { readyMs, doneMs, usage: plain.usage })
    expect(handle.confinement).toMatchObject({ files: true, network: true })
    expect(result).toEqual({ kind: 'done' })
    expect(readFileSync(target, 'utf8')).toBe('hello from the agent\n')
    expect(plain.asks).toHaveLength(1)
    expect(plain.toolCalls()).toBeGreaterThanOrEqual(1)
    expect(plain.bodies.some((body) => body.kind === 'tool' && body.status === 'completed')).toBe(true)
  })

  it('writes nothing when it was refused', async () => {
    const target = join(bed.bench.workarea, 'refused.txt')
    bed.server.setScript(bed.writeTurns(target, 'no\n'))
    const plain = bed.session({
      answer: ({ options }) => {
        const no = options.find(({ kind }) => kind === 'reject_once')
        return no ? { kind: 'selected', optionId: no.id, optionKind: no.kind } : { kind: 'cancelled' }
      },
    })
    const handle = await bed.runtime().start(plain.session)
    await handle.turn('Write refused.txt', never)
    await handle.close()
    expect(plain.asks.length).toBeGreaterThanOrEqual(1)
    expect(existsSync(target)).toBe(false)
  })
}

function describeEnds(journey: AgentJourney, bed: Bed): void {
  it('stops in the middle of a turn', async () => {
    bed.server.setScript([{ text: ['working '], fault: { kind: 'stall', afterFrames: 1 } }])
    const plain = bed.session()
    const handle = await bed.runtime().start(plain.session)
    const cancel = new AbortController()
    const turn = handle.turn('Take your time', cancel.signal)
    await expect
      .poll(() => bed.server.requests.some(({ call }) => call !== null), { timeout: 30_000 })
      .toBe(true)
    const startedAt = performance.now()
    cancel.abort()
    expect(await turn).toEqual({ kind: 'cancelled' })
    expect(performance.now() - startedAt).toBeLessThan(5000)
    await handle.close()
    report(journey.agent, { cancelMs: performance.now() - startedAt })
  })

  it('asks its open question again after the app was gone, and goes on', async () => {
    const target = join(bed.bench.workarea, 'later.txt')
    bed.server.setScript(bed.writeTurns(target, 'later\n'))
    const first = bed.session({
      answer: () => new Promise(() => {}),
    })
    const before = await bed.runtime().start(first.session)
    before.turn('Write later.txt', never).catch(() => undefined)
    await expect.poll(() => first.asks.length, { timeout: 30_000 }).toBe(1)
    await before.detach()
    await bed.bench.restart()
    const { home, sessionId } = first.session
    const second = bed.session({ home, sessionId })
    const [{ identity, resume }] = first.remembered.slice(-1) as [(typeof first.remembered)[number]]
    const handle = await bed.runtime().adopt?.(second.session, identity, resume)
    expect(await handle?.turnInFlight).toEqual({ kind: 'done' })
    await handle?.close()
    expect(second.asks.map(({ title }) => title)).toEqual(first.asks.map(({ title }) => title))
    expect(readFileSync(target, 'utf8')).toBe('later\n')
  })
}

function describeLogin(journey: AgentJourney, bed: Bed): void {
  it('works with its own login, once that was granted', async () => {
    const { login } = journey
    const address = `http://127.0.0.1:${insidePort}`
    const content = login.content(address)
    const file = bed.bench.plant(login.path, content)
    const target = join(bed.bench.workarea, 'own.txt')
    bed.server.setScript(bed.writeTurns(target, 'own login\n'))
    const table = login.table?.(address)
    const start = (granted: readonly string[]) => {
      const { hostname, port } = new URL(bed.server.url)
      const plain = bed.bench.session({
        agent: journey.agent,
        payment: 'own-login',
        model: journey.model,
        forwards: [{ insidePort, host: hostname, port: Number(port) }],
      })
      return bed.bench.runtime({ grantedCredentials: [...granted] }, undefined, table).start(plain.session)
    }
    await expect(start([])).rejects.toMatchObject({ data: { state: 'not_logged_in' } })
    const handle = await start([journey.agent])
    const result = await handle.turn('Write own.txt', never)
    await handle.close()
    expect(result).toEqual({ kind: 'done' })
    expect(readFileSync(target, 'utf8')).toBe('own login\n')
    const keys = bed.server.requests.filter(({ call }) => call !== null).map(({ key }) => key)
    expect(new Set(keys)).toEqual(new Set([plantedKey]))
    expect(readFileSync(file, 'utf8')).toBe(content)
    expect(handle.grantedFiles).toContain(login.path)
    expect(handle.confinement).toMatchObject({ files: true, network: true })
  })
}

/** Figures for people; the runner shows them. */
function report(agent: string, figures: object): void {
  const rounded = Object.entries(figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value) : JSON.stringify(value)}`,
  )
  process.stdout.write(`  ${agent}: ${rounded.join(', ')}\n`)
}
