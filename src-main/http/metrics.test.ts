import { request as httpRequest } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openApp } from '../app/app.suite.ts'
import { end, run, started, submit } from '../app/flow.suite.ts'
import { startKernel } from '../compose/kernel-host.ts'
import { suiteRouter } from '../wire/wire.suite.ts'
import { type Door, openDoor } from './http-server.ts'

const token = 'a-token-of-the-state-directory-0123456789'
const actor = { kind: 'operator', id: 'cli' } as const
const kernel = startKernel()
let text = ''
let door: Door
beforeAll(async () => {
  door = await openDoor({
    router: suiteRouter().router,
    token: () => token,
    actor,
    metrics: () => text,
    address: { port: 0 },
  })
})
afterAll(async () => {
  await door.close()
  await kernel.close()
})

function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; type: string; body: string }>((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: door.port ?? 0,
      method,
      path,
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }),
      )
    })
    request.end()
  })
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const number = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i

/** Reads Prometheus text 0.0.4 as strictly as it is written down; throws for anything else. */
function parseMetrics(given: string): Sample[] {
  if (given !== '' && !given.endsWith('\n')) throw new Error('the last line does not end')
  const samples: Sample[] = []
  const types = new Map<string, string>()
  const helped = new Set<string>()
  const seen = new Set<string>()
  let family = ''
  for (const line of given.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment) {
      const [, kind, name = '', words = ''] = comment
      const known = kind === 'HELP' ? helped.has(name) : types.has(name)
      if (known) throw new Error(`${kind} of ${name} stands twice`)
      if (kind === 'HELP') helped.add(name)
      else if (/^(?:counter|gauge|histogram|summary|untyped)$/.test(words)) types.set(name, words)
      else throw new Error(`no type: ${words}`)
      family = name
      continue
    }
    const sample = parseSample(line)
    const base = sample.name.replace(/_(?:bucket|sum|count)$/, '')
    const owner = types.has(sample.name) ? sample.name : base
    if (owner !== family || !types.has(owner)) throw new Error(`${sample.name} stands outside its family`)
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
    if (seen.has(key)) throw new Error(`${key} stands twice`)
    seen.add(key)
    samples.push(sample)
  }
  return samples
}

function parseSample(line: string): Sample {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?/.exec(line)
  if (!head) throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  let rest = line.slice(head[0].length)
  if (head[2]) {
    while (!rest.startsWith('}')) {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|(?=\}))/.exec(rest)
      if (!label) throw new Error(`no label: ${rest}`)
      if (Object.hasOwn(labels, label[1] ?? '')) throw new Error(`label ${label[1]} stands twice`)
      labels[label[1] ?? ''] = (label[2] ?? '').replaceAll(/\\([\\"n])/g, (_, one: string) =>
        one === 'n' ? '\n' : one,
      )
      rest = rest.slice(label[0].length)
    }
    rest = rest.slice(1)
  }
  const value = /^ (\S+)$/.exec(rest)?.[1] ?? ''
  if (!number.test(value)) throw new Error(`no value: ${line}`)
  return { name: head[1] ?? '', labels, value: Number(value.replace('Inf', 'Infinity')) }
}

it('the reader of these tests refuses what is not the format', () => {
  for (const bad of [
    'a 1',
    'a\n',
    '# TYPE a gauge\na{b="c} 1\n',
    '# TYPE a gauge\na 1\na 1\n',
    '# TYPE a x\n',
  ])
    expect(() => parseMetrics(bad), bad).toThrow()
})

it('answers Prometheus text behind the same guard as every other route', async () => {
  text = 'x 1\n'
  const answer = await get('/metrics')
  expect(answer).toMatchObject({ status: 200, body: 'x 1\n' })
  expect(answer.type).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await get('/metrics', { authorization: 'Bearer x' })).toMatchObject({ status: 401 })
  expect(await get('/metrics', { origin: 'http://127.0.0.1' })).toMatchObject({ status: 403 })
  expect(await get('/metrics', { host: 'evil.example' })).toMatchObject({ status: 421 })
  expect(await get('/metrics', {}, 'POST')).toMatchObject({ status: 404 })
  expect(await get('/metrics/x')).toMatchObject({ status: 404 })
})

it('tells the kernel and the house in the format of version 0.0.4', async () => {
  const open = await started({ powers: { processes: kernel.processes, authority: kernel.authority } })
  const { handlers } = open.app
  handlers.project.setBudget(
    { projectId: open.projectId, budget: { dailyUsdNanos: 1_000_000_000, dailyTokens: 100 } },
    { actor, signal: new AbortController().signal, commandId: 'budget-of-today', afterCursor: undefined },
  )
  const { sessionId } = await submit(open)
  run(open, sessionId)
  end(open, sessionId)
  text = open.app.metrics()
  const samples = parseMetrics((await get('/metrics')).body)
  const amountOf = (name: string, labels: Record<string, string> = {}) =>
    samples.find((one) => one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v))
      ?.value
  expect(amountOf('signalbox_kernel_processes', { state: 'waiting' })).toBe(1)
  expect(amountOf('signalbox_kernel_spawns_total')).toBe(1)
  expect(amountOf('signalbox_cost_today_usd')).toBe(250 / 1e9)
  expect(amountOf('signalbox_project_budget_left', { resource: 'tokens' })).toBe(98)
  expect(amountOf('signalbox_sessions', { phase: 'review' })).toBe(1)
  expect(amountOf('signalbox_journal_facts_total')).toBe(open.store.journal.lastSeq())
})

it('stays readable whatever a repository is called', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), async (name) => {
      const open = openApp()
      const added = { projectId: 'prj-hostile' as never, path: '/x', name }
      open.app.record([
        { type: 'project.added', subject: 'prj-hostile', payload: added },
        {
          type: 'project.budgetChanged',
          subject: 'prj-hostile',
          payload: { projectId: added.projectId, budget: { dailyUsdNanos: null, dailyTokens: 5 } },
        },
      ])
      const [left] = parseMetrics(open.app.metrics()).filter((one) => one.labels.project === 'prj-hostile')
      expect(left?.labels.name).toBe(name.toWellFormed())
      expect(left?.value).toBe(5)
      open.store.close()
    }),
    { numRuns: 30 },
  )
})
