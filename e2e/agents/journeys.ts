import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProviderId } from '../../src-main/contract/agent.ts'
import { type ModelServer, startModelServer } from '../fixtures/model-server/model-server.ts'
import { writeFileTurns } from '../fixtures/model-server/offered-tools.ts'
import { type AgentBench, createAgentBench, programsOf } from './real-agent.ts'

/** What is particular about a CLI's journeys. */
export interface AgentJourney {
  readonly agent: string
  readonly provider: ProviderId
  readonly baseUrl: (server: ModelServer) => string
  readonly model: string
  /** A login that leads to the model server, planted into the user's home: path and content. */
  readonly login?: (server: ModelServer) => { readonly path: string; readonly content: string }
  readonly loginKey?: string
}

const never = new AbortController().signal

/** The journeys that every real CLI goes through, unmodified, against the local model server. */
export function describeAgent(journey: AgentJourney): void {
  describe.skipIf(programsOf(journey.agent) === undefined)(`${journey.agent}`, () => {
    let bench: AgentBench
    let server: ModelServer
    beforeEach(async () => {
      bench = createAgentBench(journey.agent)
      server = await startModelServer({ models: [journey.model], script: [] })
    })
    afterEach(async () => {
      await bench.close()
      await server.close()
    })
    const settings = () => ({
      providerBaseUrls: { [journey.provider]: journey.baseUrl(server) },
      defaultModel: journey.model,
    })

    it('is found, with its version', async () => {
      const agents = await bench.runtime(settings()).agents({ isFresh: true })
      expect(agents.find(({ id }) => id === journey.agent)).toMatchObject({
        state: 'ready',
        payments: ['signalbox'],
        version: expect.stringMatching(/^\d+\.\d+/),
      })
    })

    it('writes a file after it was allowed to', async () => {
      const target = join(bench.workarea, 'hello.txt')
      server.setScript(writeFileTurns(target, 'hello from the agent\n'))
      const plain = bench.session({ agent: journey.agent, payment: 'signalbox' })
      const startedAt = performance.now()
      const handle = await bench.runtime(settings()).start(plain.session)
      const readyMs = performance.now() - startedAt
      const result = await handle.turn('Write hello.txt', never)
      const doneMs = performance.now() - startedAt
      await handle.close()
      report(journey.agent, { readyMs, doneMs, usage: plain.usage })
      expect(result).toEqual({ kind: 'done' })
      expect(readFileSync(target, 'utf8')).toBe('hello from the agent\n')
      expect(plain.asks).toHaveLength(1)
      expect(plain.toolCalls()).toBeGreaterThanOrEqual(1)
      expect(plain.bodies.some((body) => body.kind === 'tool' && body.status === 'completed')).toBe(true)
    })

    it('writes nothing when it was refused', async () => {
      const target = join(bench.workarea, 'refused.txt')
      server.setScript(writeFileTurns(target, 'no\n'))
      const plain = bench.session({
        agent: journey.agent,
        payment: 'signalbox',
        answer: ({ options }) => {
          const no = options.find(({ kind }) => kind === 'reject_once')
          return no ? { kind: 'selected', optionId: no.id, optionKind: no.kind } : { kind: 'cancelled' }
        },
      })
      const handle = await bench.runtime(settings()).start(plain.session)
      await handle.turn('Write refused.txt', never)
      await handle.close()
      expect(plain.asks.length).toBeGreaterThanOrEqual(1)
      expect(existsSync(target)).toBe(false)
    })

    it('stops in the middle of a turn', async () => {
      server.setScript([{ text: ['working '], fault: { kind: 'stall', afterFrames: 1 } }])
      const plain = bench.session({ agent: journey.agent, payment: 'signalbox' })
      const handle = await bench.runtime(settings()).start(plain.session)
      const cancel = new AbortController()
      const turn = handle.turn('Take your time', cancel.signal)
      await expect
        .poll(() => server.requests.some(({ call }) => call !== null), { timeout: 30_000 })
        .toBe(true)
      const startedAt = performance.now()
      cancel.abort()
      expect(await turn).toEqual({ kind: 'cancelled' })
      expect(performance.now() - startedAt).toBeLessThan(5000)
      await handle.close()
      report(journey.agent, { cancelMs: performance.now() - startedAt })
    })

    it.skipIf(!journey.login)('works with its own login, once that was granted', async () => {
      const login = journey.login?.(server)
      if (!login) return
      const file = bench.plant(login.path, login.content)
      const target = join(bench.workarea, 'own.txt')
      server.setScript(writeFileTurns(target, 'own login\n'))
      const runtime = bench.runtime({ grantedCredentials: [journey.agent] })
      const plain = bench.session({ agent: journey.agent, payment: 'own-login', model: journey.model })
      const handle = await runtime.start(plain.session)
      const result = await handle.turn('Write own.txt', never)
      await handle.close()
      expect(result).toEqual({ kind: 'done' })
      expect(readFileSync(target, 'utf8')).toBe('own login\n')
      const keys = server.requests.filter(({ call }) => call !== null).map(({ key }) => key)
      expect(new Set(keys)).toEqual(new Set([journey.loginKey]))
      expect(readFileSync(file, 'utf8')).toBe(login.content)
      expect(handle.grantedFiles).toContain(login.path)
    })
  })
}

/** Figures for people; the runner shows them. */
function report(agent: string, figures: object): void {
  const rounded = Object.entries(figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value) : JSON.stringify(value)}`,
  )
  process.stdout.write(`  ${agent}: ${rounded.join(', ')}\n`)
}
