import type {
  BeginResult,
  CallOpening,
  GatewaySession,
  ModelOperation,
  ModelUse,
  Stop,
  StopCause,
  Tape,
} from '../../ports/gateway.ts'
import type { GatewayAccess, ModelChoice } from '../../ports/runtime.ts'
import type { KernelDoor } from './session-door.ts'
import type { UsageMeter } from './usage-meter.ts'

/** The model gateway as running sessions need it. */
export interface ModelGateway {
  /** Where it listens; its port is the one loopback address that every session paying through Signalbox may reach. */
  readonly address: { readonly host: string; readonly port: number }
  /** Lets a session in, with its model. The key stays the same for the session across runs of the app. */
  open(session: GatewaySession, choice: ModelChoice): GatewayAccess
  /** The key of the session opens nothing any more. Idempotent. */
  close(sessionId: string): void
}

/** A budget that did not hold, as the kernel told it. */
export interface Exceeded {
  readonly resource: string
  readonly used: number | null
  readonly limit: number | null
}

/** Whoever has the budget that was used up. */
export type Spender = 'session' | 'sub-agent'

export interface ModelAccessParts {
  readonly sessionId: string
  readonly door: KernelDoor
  readonly meter: () => UsageMeter | undefined
  /** Nobody pays: tokens count, money does not. */
  readonly isFree: boolean
  readonly tape: Tape | null
  readonly placeholders: GatewaySession['placeholders']
  readonly exceeded: () => Exceeded | undefined
  /** Whose budget it is that did not hold. */
  readonly spender?: (exceeded: Exceeded) => Spender
  readonly showUsage: () => void
  readonly onRefused: (device: string, what: string, reason: string) => void
}

/** A session at the gateway: each of its model calls is one charged operation of its kernel process. */
export function createGatewaySession(parts: ModelAccessParts): GatewaySession {
  return {
    id: parts.sessionId,
    // Who comes back after the end of the budget is told about the budget, not about the end.
    whenRunning: async () => (await parts.door.whenRunning()) || parts.exceeded() !== undefined,
    begin: (opening) => begin(parts, opening),
    tape: parts.tape,
    placeholders: parts.placeholders,
  }
}

/** The device that a session must hold to use a model. */
export function modelDevice({ provider, model }: ModelChoice): string {
  return `model:${provider}/${model}`
}

function begin(parts: ModelAccessParts, opening: CallOpening): BeginResult {
  const { door, onRefused } = parts
  const device = modelDevice(opening)
  const what = `${opening.kind === 'generate' ? 'Ask' : 'Look at'} ${opening.provider}/${opening.model}`
  const beginning = door.begin(device, what, costOf(parts, opening.estimate))
  if (beginning.ok)
    return { ok: true, operation: createOperation(parts, opening.callId, beginning.operation) }
  const stop = stopOf(parts, beginning.reason)
  if (stop.cause === 'not_held') onRefused(device, what, stop.sentence)
  return stop
}

function createOperation(
  parts: ModelAccessParts,
  callId: string,
  operation: Extract<ReturnType<KernelDoor['begin']>, { ok: true }>['operation'],
): ModelOperation {
  const { meter, showUsage } = parts
  return {
    progress(use) {
      meter()?.progress(callId, use)
      showUsage()
      const charge = operation.grow(costOf(parts, use))
      return charge.ok ? charge : stopOf(parts, charge.reason)
    },
    onStop: (stop) => operation.onStop(() => stop(stopOf(parts, 'stopped'))),
    end(outcome) {
      operation.finish(costOf(parts, outcome.use))
      meter()?.end(callId, outcome.use)
      showUsage()
    },
  }
}

function costOf({ isFree }: ModelAccessParts, use: ModelUse): { tokens: number; usdNanos?: number } {
  const tokens = use.inputTokens + use.outputTokens
  return isFree || use.costUsdNanos === null ? { tokens } : { tokens, usdNanos: use.costUsdNanos }
}

function stopOf(parts: ModelAccessParts, reason: string): Stop {
  const exceeded = parts.exceeded()
  const cause = causeOf(parts, reason, exceeded !== undefined)
  const spender = exceeded && parts.spender?.(exceeded)
  const sentence = cause === 'over_budget' ? overBudget(exceeded, spender) : sentences[cause]
  return { ok: false, cause, sentence }
}

function causeOf({ door }: ModelAccessParts, reason: string, isOver: boolean): StopCause {
  if (isOver || reason === 'over_budget') return 'over_budget'
  if (!door.isAlive) return 'ended'
  if (reason === 'stopped') return 'revoked'
  return 'not_held'
}

const sentences: Readonly<Record<Exclude<StopCause, 'over_budget'>, string>> = {
  ended: 'The session is ending.',
  revoked: 'The right to use this model was taken from the session.',
  not_held: 'The session may not use this model.',
  busy: 'The session has too many model calls under way.',
}

const budgetNames: Readonly<Record<string, string>> = {
  tokens: 'token budget',
  usd: 'money budget',
  toolCalls: 'budget of tool calls',
  wallMs: 'time',
}

/** Names the limit, so that whoever reads it knows what to raise. */
export function overBudget(exceeded: Exceeded | undefined, spender: Spender = 'session'): string {
  if (!exceeded) return `The budget of this ${spender} is used up.`
  const { resource, limit } = exceeded
  const name = budgetNames[resource] ?? 'budget'
  const what = `The ${name} of this ${spender} is used up${limit === null ? '' : ` (${amount(resource, limit)})`}.`
  return spender === 'session' ? `${what} Raise it in Signalbox and send a follow-up to go on.` : what
}

function amount(resource: string, limit: number): string {
  if (resource === 'usd') return `$${(limit / 1e9).toFixed(limit < 10_000_000 ? 4 : 2)}`
  if (resource === 'wallMs') return `${Math.round(limit / 60_000)} min`
  return `${limit.toLocaleString('en-US')}${resource === 'tokens' ? ' tokens' : ''}`
}
