import { expect, it } from 'vitest'
import { contract } from '../contract/index.ts'
import type { ModelCall } from '../contract/process.ts'
import { asOperator, openApp } from './app.suite.ts'
import { started, submit } from './flow.suite.ts'

const call = (id: string, more: Partial<ModelCall> = {}): ModelCall => ({
  id,
  sessionId: 'ses-0001' as ModelCall['sessionId'],
  sessionTitle: null,
  agent: null,
  dialect: 'anthropic',
  provider: 'anthropic',
  model: 'claude-haiku-4-5',
  isTranslated: false,
  state: 'done',
  startedAtMs: 1000,
  firstByteMs: 10,
  durationMs: 100,
  inputTokens: 100,
  cachedTokens: 20,
  outputTokens: 7,
  costUsdNanos: 5,
  source: 'reported',
  status: 200,
  error: null,
  ...more,
})

const calls = (app: ReturnType<typeof openApp>['app'], input: object = {}) =>
  contract.model.calls.output.parse(
    app.handlers.model.calls(contract.model.calls.input.parse(input), asOperator()),
  )

it('keeps the last word on each call, newest first, with totals of all that match', () => {
  const { app } = openApp()
  app.noteModelCall(call('a', { state: 'waiting', costUsdNanos: null, outputTokens: null }))
  app.noteModelCall(call('a'))
  app.noteModelCall(call('b', { startedAtMs: 2000, state: 'cut' }))
  app.noteModelCall(call('c', { startedAtMs: 3000, state: 'refused', costUsdNanos: null, inputTokens: null }))
  app.noteModelCall(
    call('d', { startedAtMs: 4000, state: 'failed', costUsdNanos: null, error: 'x'.repeat(900) }),
  )
  const all = calls(app)
  expect(all.calls.map((one) => one.id)).toEqual(['d', 'c', 'b', 'a'])
  expect(all.calls[0]?.error).toHaveLength(500)
  expect(all.totals).toEqual({
    calls: 4,
    inputTokens: 300,
    cachedTokens: 80,
    outputTokens: 28,
    costUsdNanos: 10,
    withoutCost: 1,
    refused: 1,
    cut: 1,
    failed: 1,
  })
  const first = calls(app, { limit: 2 })
  expect(first.calls.map((one) => one.id)).toEqual(['d', 'c'])
  expect(first.totals.calls).toBe(4)
  expect(calls(app, { before: 3000, limit: 5 }).calls.map((one) => one.id)).toEqual(['b', 'a'])
  expect(calls(app, { state: 'cut' })).toMatchObject({ calls: [{ id: 'b' }], totals: { calls: 1, cut: 1 } })
  expect(calls(app, { sessionId: 'ses-other' }).totals.calls).toBe(0)
})

it('stores in batches, with the session as it is called, and masks what an upstream said', async () => {
  const open = await started({ mask: (text) => text.replaceAll('sk-secret', '•••') })
  const { sessionId } = await submit(open, { title: 'Payer' })
  open.app.noteModelCall(call('a', { sessionId, error: 'key sk-secret was refused', state: 'failed' }))
  expect(open.store.modelCalls.list({}, undefined, 10)).toEqual([])
  open.pass(600)
  expect(open.store.modelCalls.list({}, undefined, 10)).toMatchObject([
    { id: 'a', sessionTitle: 'Payer', agent: 'scripted:demo', error: 'key ••• was refused' },
  ])
})

it('keeps only the newest', () => {
  const { store } = openApp()
  store.modelCalls.put(
    Array.from({ length: 20 }, (_, index) => call(`c${index}`, { startedAtMs: 1000 + index })),
  )
  expect(store.modelCalls.trim(15)).toBe(5)
  expect(store.modelCalls.list({}, undefined, 50).map((one) => one.id)).toHaveLength(15)
  expect(store.modelCalls.list({}, undefined, 50).at(-1)?.id).toBe('c5')
  expect(store.modelCalls.trim(15)).toBe(0)
})

it('ends what an earlier run left under way', async () => {
  const open = openApp()
  open.store.modelCalls.put([call('old', { state: 'streaming', durationMs: null }), call('ended')])
  const app = await started({ store: open.store })
  expect(calls(app.app).calls.map(({ id, state, error }) => [id, state, error])).toEqual([
    ['ended', 'done', null],
    ['old', 'aborted', 'Signalbox ended during this call.'],
  ])
})

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

it('is watched: those under way first, each call at most every 250 ms, the last word always', async () => {
  const { app, pass } = openApp()
  const controller = new AbortController()
  app.noteModelCall(call('done before'))
  app.noteModelCall(call('a', { state: 'waiting' }))
  const seen: string[] = []
  const reading = (async () => {
    const context = { ...asOperator(), signal: controller.signal }
    for await (const { item } of app.handlers.model.watch({}, context))
      seen.push(`${item.id} ${item.state} ${item.outputTokens}`)
  })()
  await turn()
  expect(seen).toEqual(['a waiting 7'])
  for (let tokens = 1; tokens <= 50; tokens++)
    app.noteModelCall(call('a', { state: 'streaming', outputTokens: tokens }))
  app.noteModelCall(call('b', { state: 'waiting' }))
  await turn()
  expect(seen).toHaveLength(1)
  pass(250)
  await turn()
  expect(seen.slice(1)).toEqual(['a streaming 50', 'b waiting 7'])
  app.noteModelCall(call('a', { outputTokens: 51 }))
  pass(250)
  await turn()
  expect(seen.slice(3)).toEqual(['a done 51'])
  pass(250)
  await turn()
  app.noteModelCall(call('c'))
  await turn()
  expect(seen.slice(4)).toEqual(['c done 7'])
  controller.abort()
  await reading
})

it('a watcher that is slow holds a bounded number of calls, the newest', async () => {
  const { app, pass } = openApp()
  const controller = new AbortController()
  const context = { ...asOperator(), signal: controller.signal }
  const seen: string[] = []
  const reading = (async () => {
    for await (const { item } of app.handlers.model.watch({}, context)) seen.push(item.id)
  })()
  app.noteModelCall(call('first'))
  await turn()
  for (let index = 0; index < 12_000; index++) app.noteModelCall(call(`c${index}`))
  pass(250)
  await turn()
  expect(seen).toHaveLength(5000)
  expect(seen.at(-1)).toBe('c11999')
  controller.abort()
  await reading
})
