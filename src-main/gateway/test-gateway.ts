import { randomBytes } from 'node:crypto'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import {
  type ModelServer,
  type ModelServerOptions,
  startModelServer,
} from '../../e2e/fixtures/model-server/model-server.ts'
import { createModels } from '../adapters/models/models.ts'
import type { ProviderId } from '../contract/agent.ts'
import type {
  BeginResult,
  CallOpening,
  CallOutcome,
  CallRow,
  Dialect,
  GatewaySession,
  ModelOperation,
  ModelPrice,
  ModelUse,
  Route,
  Stop,
  Tape,
} from '../ports/gateway.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import type { LongRequests } from './long-requests.ts'
import { createSessionKeys } from './session-keys.ts'
import { createUpstream } from './upstream.ts'

export const upstreamKey = 'upstream-key-0123456789-secret'
export const dialects: readonly Dialect[] = ['openai-chat', 'openai-responses', 'anthropic', 'gemini']

/** Nano-dollars per token: easy to reckon with. */
export const price: ModelPrice = { input: 1000, cachedInput: 100, output: 5000 }

/** A session with a purse: holds what runs, books what ended, and says no when both together are too much. */
export interface PurseSession extends GatewaySession {
  tape: Tape | null
  placeholders: GatewaySession['placeholders']
  readonly openings: CallOpening[]
  readonly outcomes: CallOutcome[]
  /** Operations that were begun and have not ended. */
  running(): number
  booked(): ModelUse
  pause(): void
  resume(): void
  stop(why: Stop): void
}

const tokensOf = (use: ModelUse) => use.inputTokens + use.outputTokens

/** The books of a session: what is held by running operations, and what was booked when they ended. */
function createBooks(tokens: number) {
  const openings: CallOpening[] = []
  const outcomes: CallOutcome[] = []
  const held = new Map<object, number>()
  const stops = new Map<object, (why: Stop) => void>()
  const sum = (pick: (use: ModelUse) => number) => outcomes.reduce((all, { use }) => all + pick(use), 0)
  const spent = () => sum(tokensOf) + [...held.values()].reduce((all, one) => all + one, 0)
  const verdict = () => (spent() > tokens ? overBudget(tokens) : ({ ok: true } as const))
  function begin(opening: CallOpening): BeginResult {
    openings.push(opening)
    const operation = {}
    held.set(operation, tokensOf(opening.estimate))
    const allowed = verdict()
    if (!allowed.ok) {
      held.delete(operation)
      return allowed
    }
    return { ok: true, operation: operationOf(operation) }
  }
  const operationOf = (operation: object): ModelOperation => ({
    progress(use) {
      if (!held.has(operation)) throw new Error('progress after the end')
      held.set(operation, tokensOf(use))
      return verdict()
    },
    onStop: (stop) => void stops.set(operation, stop),
    end(outcome) {
      if (!held.delete(operation)) throw new Error('ended twice')
      stops.delete(operation)
      outcomes.push(outcome)
    },
  })
  return { openings, outcomes, held, stops, sum, begin }
}

export function createPurse(tokens: number): PurseSession {
  const { openings, outcomes, held, stops, sum, begin } = createBooks(tokens)
  let gate: Promise<boolean> = Promise.resolve(true)
  let open: (isRunning: boolean) => void = () => undefined
  return {
    id: 'ses_1',
    placeholders: [{ text: '/srv/area', token: '<workarea>' }],
    tape: null,
    openings,
    outcomes,
    whenRunning: () => gate,
    begin,
    running: () => held.size,
    booked: () => ({
      inputTokens: sum((use) => use.inputTokens),
      cachedTokens: sum((use) => use.cachedTokens),
      outputTokens: sum((use) => use.outputTokens),
      costUsdNanos: sum((use) => use.costUsdNanos ?? 0),
    }),
    pause: () => {
      gate = new Promise((resolve) => {
        open = resolve
      })
    },
    resume: () => open(true),
    stop: (why) => {
      for (const stop of stops.values()) stop(why)
    },
  }
}

function overBudget(tokens: number): Stop {
  const limit = tokens.toLocaleString('en')
  return {
    ok: false,
    cause: 'over_budget',
    sentence: `the token budget of this session is used up (${limit})`,
  }
}

const providers: Readonly<Record<Dialect, ProviderId>> = {
  'openai-chat': 'openai-compatible',
  'openai-responses': 'openai-compatible',
  anthropic: 'anthropic',
  gemini: 'google',
}

/** The route to a server of the fixture. */
export function routeTo(url: string, dialect: Dialect, model = 'fake'): Route {
  const baseUrl = `${url}/${dialect === 'gemini' ? 'v1beta' : 'v1'}`
  return { provider: providers[dialect], dialect, baseUrl, apiKey: upstreamKey, model, price }
}

export interface TestBed {
  readonly server: ModelServer
  readonly gateway: Gateway
  readonly session: PurseSession
  readonly key: string
  readonly rows: CallRow[]
  close(): Promise<void>
}

export interface BedOptions extends Partial<ModelServerOptions>, GatewayOptions {
  /** What the upstream speaks. */
  readonly upstream?: Dialect
  readonly route?: (asked: Dialect, model: string, server: ModelServer) => Route
  readonly tokens?: number
  readonly longRequests?: LongRequests
}

const realClock = {
  nowMs: () => Date.now(),
  after: (ms: number, fn: () => void) => {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}

/** A model server, the gateway before it and one session, all real and on loopback. */
export async function openBed(options: BedOptions = {}): Promise<TestBed> {
  const server = await startModelServer({ script: [], withoutTools: 'script', ...options })
  const session = createPurse(options.tokens ?? Number.POSITIVE_INFINITY)
  const keys = createSessionKeys<GatewaySession>(randomBytes)
  const key = keys.issue(session)
  const rows: CallRow[] = []
  const upstream = createUpstream({ proxyEnv: {}, extraCertificates: [] })
  const models = createModels({ clock: realClock, fetch: upstream.fetch })
  let count = 0
  const routeOf = options.route ?? ((asked, model) => routeTo(server.url, options.upstream ?? asked, model))
  const gateway = await createGateway(
    {
      sessionOf: keys.sessionOf,
      route: (_session, asked, model) =>
        Promise.resolve({ ok: true, route: routeOf(asked, model || 'fake', server) }),
      onCall: (row) => void rows.push(row),
      clock: realClock,
      ids: { short: () => `call${++count}` },
      upstream,
      models,
      longRequests: options.longRequests,
    },
    options,
  )
  const close = async () => {
    await gateway.close()
    models.close()
    upstream.close()
    await server.close()
  }
  return { server, gateway, session, key, rows, close }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The connection broke before the answer was whole. */
  readonly isBroken: boolean
}

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly signal?: AbortSignal
  readonly onBytes?: (bytes: Buffer) => void
}

/** One request on a connection of its own; every byte of the answer is kept. */
export function send(
  address: string,
  { method = 'POST', path, headers = {}, body, signal, onBytes }: RawRequest,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const url = new URL(address)
    const init = {
      host: url.hostname,
      port: url.port,
      path,
      method,
      headers: { ...type, ...headers },
      agent: new Agent(),
    }
    const request = httpRequest({ ...init, ...(signal ? { signal } : {}) }, (response) => {
      const parts: Buffer[] = []
      const done = (isBroken: boolean) => () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
          isBroken,
        })
      response.on('data', (part: Buffer) => {
        parts.push(part)
        onBytes?.(part)
      })
      response.on('end', done(false))
      response.on('error', done(true))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const tool = {
  type: 'object',
  properties: { path: { type: 'string' }, content: { type: 'string' } },
  required: ['path'],
}
const name = 'write_file'
const description = 'Writes a file.'

/** A request in each dialect: a system prompt, a user's text, one tool; with `extra` members. */
export function requestIn(dialect: Dialect, isStream: boolean, text = 'Write it.'): RawRequest {
  const stream = isStream ? { stream: true } : {}
  if (dialect === 'openai-chat') {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: text },
    ]
    const tools = [{ type: 'function', function: { name, description, parameters: tool } }]
    const options = isStream ? { stream_options: { include_usage: true } } : {}
    return {
      path: '/v1/chat/completions',
      body: JSON.stringify({ model: 'fake', messages, tools, ...stream, ...options }),
    }
  }
  if (dialect === 'openai-responses') {
    const tools = [{ type: 'function', name, description, parameters: tool, strict: false }]
    return {
      path: '/v1/responses',
      body: JSON.stringify({ model: 'fake', instructions: 'Be brief.', input: text, tools, ...stream }),
    }
  }
  if (dialect === 'anthropic') {
    const tools = [{ name, description, input_schema: tool }]
    const messages = [{ role: 'user', content: text }]
    return {
      path: '/v1/messages',
      body: JSON.stringify({
        model: 'fake',
        max_tokens: 1000,
        system: 'Be brief.',
        messages,
        tools,
        ...stream,
      }),
    }
  }
  const action = isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  const body = {
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    contents: [{ role: 'user', parts: [{ text }] }],
    tools: [{ functionDeclarations: [{ name, description, parametersJsonSchema: tool }] }],
  }
  return { path: `/v1beta/models/fake:${action}`, body: JSON.stringify(body) }
}

/** The key where each dialect's own clients put it. */
export function keyHeader(dialect: Dialect, key: string): Record<string, string> {
  if (dialect === 'anthropic') return { 'x-api-key': key, 'anthropic-version': '2023-06-01' }
  return dialect === 'gemini' ? { 'x-goog-api-key': key } : { authorization: `Bearer ${key}` }
}

/** Sends a session's request through the gateway. */
export function ask(bed: TestBed, dialect: Dialect, request: RawRequest): Promise<RawAnswer> {
  return send(bed.gateway.address, {
    ...request,
    headers: { ...keyHeader(dialect, bed.key), ...request.headers },
  })
}
