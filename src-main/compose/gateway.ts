import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { apiAddress } from '../adapters/models/addresses.ts'
import type { ModelGateway } from '../app/effects/model-access.ts'
import type { ProviderId } from '../contract/agent.ts'
import { SessionId } from '../contract/ids.ts'
import type { ModelCall } from '../contract/process.ts'
import { createGateway } from '../gateway/gateway.ts'
import { createSessionKeys } from '../gateway/session-keys.ts'
import type { Upstream } from '../gateway/upstream.ts'
import type { Clock, Ids } from '../ports/clock.ts'
import type { CallRow, Dialect, GatewaySession, Route, Routing } from '../ports/gateway.ts'
import type { Models } from '../ports/models.ts'
import type { ModelChoice } from '../ports/runtime.ts'
import type { LongRequestThreads } from './long-requests.ts'

export interface GatewayParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly upstream: Upstream
  readonly models: Models
  /** A secret of this state directory, from which the sessions' keys are made. */
  readonly secret: string
  readonly baseUrl: (provider: ProviderId) => string | null
  readonly keyOf: (provider: ProviderId) => Promise<string | undefined>
  readonly noteCall: (call: ModelCall) => void
  /** Started with the first session; closed by whoever made them. */
  readonly longRequests: LongRequestThreads
  /** What is known of a session for people. */
  readonly describe: (sessionId: string) => { readonly title: string; readonly agent: string } | undefined
}

export interface RunningGateway extends ModelGateway {
  readonly url: string
  shut(): Promise<void>
}

interface Known {
  readonly session: GatewaySession
  readonly choice: ModelChoice
}

/** The model gateway of this house: listens on loopback and sends each session's calls to the provider of its model. */
export async function openGateway(parts: GatewayParts): Promise<RunningGateway> {
  const { clock, ids, upstream, models, longRequests, noteCall, describe } = parts
  const keys = createSessionKeys<GatewaySession>((count) => crypto.getRandomValues(new Uint8Array(count)))
  const known = new Map<string, Known>()
  const routes = createRoutes(parts)
  const gateway = await createGateway({
    clock,
    ids,
    upstream,
    models,
    longRequests,
    sessionOf: keys.sessionOf,
    async route(session, dialect): Promise<Routing> {
      const choice = known.get(session.id)?.choice
      if (!choice) return { ok: false, sentence: 'The session has ended.' }
      return { ok: true, route: await routes.of(choice, dialect) }
    },
    onCall(row) {
      const about = describe(row.sessionId)
      noteCall(callOf(row, about, routes.isTranslated(row)))
    },
  })
  const close = (sessionId: string): void => {
    const before = known.get(sessionId)
    if (before) keys.revoke(before.session)
    known.delete(sessionId)
  }
  return {
    url: gateway.address,
    address: { host: '127.0.0.1', port: gateway.port },
    open(session, choice) {
      close(session.id)
      longRequests.warm()
      const key = keyOfSession(parts.secret, session.id)
      keys.restore(key, session)
      known.set(session.id, { session, choice })
      return { host: '127.0.0.1', port: gateway.port, key }
    },
    close,
    async shut() {
      await gateway.close()
      keys.close()
    },
  }
}

/** The same in every run of the app, so that an agent that outlived it can go on; nobody else can make it. */
function keyOfSession(secret: string, sessionId: string): string {
  return `sbx-${createHmac('sha256', secret).update(`gateway:${sessionId}`).digest('base64url')}`
}

/** Where each session's calls go, and in which interface. */
function createRoutes({ baseUrl, keyOf, models, upstream }: GatewayParts) {
  /** Addresses that were asked whether they offer the Responses interface. */
  const offers = new Map<string, boolean>()
  const dialectOf = async (provider: ProviderId, asked: Dialect, address: string): Promise<Dialect> => {
    if (provider !== 'openai-compatible' || asked !== 'openai-responses') return usualDialect[provider]
    if (baseUrl(provider) === null) return asked
    const known = offers.get(address) ?? (await offersResponses(upstream, address, await keyOf(provider)))
    // Who did not answer is asked again with the next call; this one will say what is wrong.
    if (known === undefined) return asked
    offers.set(address, known)
    return known ? asked : usualDialect[provider]
  }
  const taken = new Map<string, Dialect>()
  return {
    async of({ provider, model }: ModelChoice, asked: Dialect): Promise<Route> {
      const address = apiAddress(provider, baseUrl(provider))
      const dialect = await dialectOf(provider, asked, address)
      taken.set(`${provider} ${asked}`, dialect)
      return {
        provider,
        model,
        dialect,
        baseUrl: address,
        apiKey: await keyOf(provider),
        price: models.price(provider, model),
      }
    },
    isTranslated: ({ provider, dialect }: CallRow) =>
      provider !== null && (taken.get(`${provider} ${dialect}`) ?? dialect) !== dialect,
  }
}

const usualDialect: Readonly<Record<ProviderId, Dialect>> = {
  'openai-compatible': 'openai-chat',
  ollama: 'openai-chat',
  anthropic: 'anthropic',
  google: 'gemini',
}

const askMs = 5000

/**
 * Servers of one's own often have only the older of OpenAI's interfaces. An empty request tells, and costs nothing;
 * undefined when there was no answer.
 */
async function offersResponses(
  upstream: Upstream,
  address: string,
  key: string | undefined,
): Promise<boolean | undefined> {
  try {
    const answer = await upstream.open(
      {
        url: `${address}/responses`,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
        body: new TextEncoder().encode('{}'),
      },
      AbortSignal.timeout(askMs),
    )
    answer.destroy()
    return ![404, 405, 501].includes(answer.statusCode ?? 0)
  } catch {
    return undefined
  }
}

function callOf(
  row: CallRow,
  about: { readonly title: string; readonly agent: string } | undefined,
  isTranslated: boolean,
): ModelCall {
  const isKnown = row.inputTokens + row.outputTokens > 0
  return {
    id: row.id,
    sessionId: SessionId.parse(row.sessionId),
    sessionTitle: about?.title ?? null,
    agent: about?.agent ?? null,
    dialect: row.dialect,
    provider: row.provider ?? '',
    model: row.model,
    isTranslated,
    state: row.state === 'held' ? 'waiting' : row.state,
    startedAtMs: row.startedAtMs,
    firstByteMs: row.firstByteMs,
    durationMs: row.durationMs,
    inputTokens: isKnown ? row.inputTokens : null,
    cachedTokens: isKnown ? row.cachedTokens : null,
    outputTokens: isKnown ? row.outputTokens : null,
    costUsdNanos: isKnown ? row.costUsdNanos : null,
    source: isKnown ? row.usageSource : null,
    status: row.status,
    error: row.error,
  }
}

/** Certificates named by NODE_EXTRA_CA_CERTS; Node reads them only for itself. */
export function extraCertificates(file: string | undefined, warn: (message: string) => void): string[] {
  if (!file) return []
  try {
    return [readFileSync(file, 'utf8')]
  } catch {
    warn(`NODE_EXTRA_CA_CERTS: ${file} can't be read`)
    return []
  }
}
