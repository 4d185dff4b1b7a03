import { it } from 'vitest'
import { startModelServer } from '../fixtures/model-server/model-server.ts'
import { createAgentBench } from './real-agent.ts'
it('debug', async () => {
  const t0 = Date.now()
  const log = (...a: unknown[]) => process.stdout.write(`${Date.now() - t0} ${a.map((x) => JSON.stringify(x)).join(' ').slice(0, 600)}\n`)
  const bench = createAgentBench('codex')
  const text = Array.from({ length: 40 }, (_unused, at) => `word${at} `)
  const server = await startModelServer({ models: ['fake'], script: [{ text }], frameDelayMs: 50 })
  const set = { providerBaseUrls: { 'openai-compatible': server.url }, defaultModel: 'fake' }
  const first = bench.session({ agent: 'codex', payment: 'signalbox' })
  const before = await bench.runtime(set).start(first.session)
  before.turn('Tell me a lot', new AbortController().signal).catch((e) => log('turn1', String(e)))
  while (!first.said().includes('word2')) await new Promise((r) => setTimeout(r, 20))
  log('said', first.said())
  await before.detach()
  log('detached', first.remembered.at(-1))
  await bench.restart()
  log('restarted')
  const second = bench.session({ agent: 'codex', payment: 'signalbox', sessionId: first.session.sessionId, home: first.session.home })
  const { identity, resume } = first.remembered.at(-1)!
  const handle = await bench.runtime(set).adopt?.(second.session, identity, resume)
  log('adopted', handle !== undefined)
  const r = await Promise.race([handle?.turnInFlight, new Promise((x) => setTimeout(() => x('timeout'), 6000))])
  log('result', r, second.said(), second.bodies.slice(-3), second.remembered.at(-1))
  await Promise.race([handle?.close(), new Promise((x) => setTimeout(() => x('timeout'), 6000))])
  log('closed')
  await bench.close(); await server.close()
}, 30000)
