import type { ProviderId } from '../contract/agent.ts'

/** The four public formats in which agent CLIs and model providers speak. */
export type Dialect = 'openai-chat' | 'openai-responses' | 'anthropic' | 'gemini'

/** What a call wants: an answer (which costs), a count of tokens, or the names of models (which cost nothing). */
export type CallKind = 'generate' | 'count' | 'list'

/** Nano-dollars per token. */
export interface ModelPrice {
  readonly input: number
  readonly cachedInput: number
  readonly output: number
  /** Writing into the provider's cache, where that costs more than reading fresh input; absent = as `input`. */
  readonly cacheWrite?: number
}

/** Where a session's call goes. */
export interface Route {
  readonly provider: ProviderId
  /** What the upstream speaks; equal to the asked dialect means pass-through. */
  readonly dialect: Dialect
  /** The API's base address with the version part, without a slash at its end: `https://api.openai.com/v1`. */
  readonly baseUrl: string
  readonly apiKey: string | undefined
  /** The model at the upstream; it takes the place of the one that was asked for. */
  readonly model: string
  /** undefined = not known: money is not counted then, tokens are. */
  readonly price: ModelPrice | undefined
}

/** The route of a call, or why there is none, in a sentence for the CLI's user. */
export type Routing =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly sentence: string }

/** Tokens and money of one call so far, cumulative. `inputTokens` includes cached ones; null money = price unknown. */
export interface ModelUse {
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly costUsdNanos: number | null
}

/**
 * How a use is known: the upstream `reported` it; it is `estimated` from text because the upstream said nothing (yet);
 * or it is `disputed`, because what the upstream said cannot be true, and then our own count stands.
 */
export type UsageSource = 'reported' | 'estimated' | 'disputed'

/** What a call is about to do, for the kernel door. */
export interface CallOpening {
  readonly callId: string
  readonly kind: CallKind
  readonly provider: ProviderId
  readonly model: string
  /** What the CLI asked for. */
  readonly dialect: Dialect
  /** The least that the call will cost: its input, estimated. All zero for counts and lists. */
  readonly estimate: ModelUse
  /** On tapes: the session's placeholders, so that a replay elsewhere finds its own folders in the answers. */
  readonly placeholders?: GatewaySession['placeholders']
}

/** Why a session may not call, or not go on. `ended` = the process is gone for another reason than its budget. */
export type StopCause = 'not_held' | 'over_budget' | 'ended' | 'revoked' | 'busy'

/** A "no" with a plain sentence that the CLI shows to its user, without the product's name in front. */
export interface Stop {
  readonly ok: false
  readonly cause: StopCause
  readonly sentence: string
}

export type Verdict = { readonly ok: true } | Stop

export type BeginResult = { readonly ok: true; readonly operation: ModelOperation } | Stop

/**
 * One charged operation of the session's kernel process. The use in `progress` is cumulative and mostly an estimate: it
 * may go down once the upstream reports; hold what it says and book only at `end`, or book the growth and settle the rest.
 */
export interface ModelOperation {
  /** Tells what was used so far; a {@link Stop} cuts the call in mid-stream. Synchronous and cheap: asked for each chunk. */
  progress(use: ModelUse): Verdict
  /** Runs `stop` once when the call must end early: capability revoked, process ended. */
  onStop(stop: (why: Stop) => void): void
  /** Exactly once for each operation, whatever happened. */
  end(outcome: CallOutcome): void
}

/**
 * `cut` = by budget or revocation in mid-stream; `aborted` = the client went away; `failed` = the upstream's or ours;
 * `refused` = never begun (operations never see that one, tapes do).
 */
export type CallEnd = 'done' | 'cut' | 'failed' | 'aborted' | 'refused'

/** How one call ended and what it used. */
export interface CallOutcome {
  readonly end: CallEnd
  /** The HTTP status that the upstream gave; null when it never answered. */
  readonly status: number | null
  readonly use: ModelUse
  readonly usageSource: UsageSource
  /** From the request to the first byte of an answer; null when there was none. */
  readonly firstByteMs: number | null
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** One sentence, masked; null when all went well. */
  readonly error: string | null
}

/** A session as the gateway sees it. The same object for all calls of the session. */
export interface GatewaySession {
  readonly id: string
  /** Resolves true as soon as the session is not paused, false when it has ended; `begin` then says why. */
  whenRunning(): Promise<boolean>
  /**
   * Opens `model:<provider>` at the kernel door and holds the estimate. Refuses for ever once the session has ended: its
   * key stays known for a while, so that a CLI which tries again is told the reason and not that its key is wrong.
   */
  begin(opening: CallOpening): BeginResult
  /** Recording or replaying; null = neither. */
  readonly tape: Tape | null
  /** Texts that differ from run to run and the word that stands for each in canonical requests and on tapes: workarea, home. No secrets. */
  readonly placeholders: readonly { readonly text: string; readonly token: string }[]
}

/** What identifies a call on a tape: the same in two runs of the same program. */
export interface CanonicalRequest {
  /** `POST openai-chat generate`, without model, key or host. */
  readonly title: string
  /** SHA-256 of title and canonical body, hexadecimal. */
  readonly hash: string
  /** The canonical body, for people who look for the difference; empty where a tape did not keep it. */
  readonly text: string
  /** The text masked and packed as a recording keeps it, where that was done on another thread; `text` is empty then. */
  readonly packed?: string
}

/** A piece of an answer as the client was sent it, and what had been used by then. */
export interface TapedChunk {
  readonly bytes: Uint8Array
  readonly use: ModelUse
}

/** The first line and the headers of an answer; only headers that matter to clients. */
export interface TapedHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** A recorded call, in the order in which calls were begun. `step` counts from 1. */
export interface TapedCall {
  readonly step: number
  readonly request: CanonicalRequest
  readonly opening: CallOpening
  readonly head: TapedHead
  readonly chunks: readonly TapedChunk[]
  /** null: the recording broke off before the call ended. */
  readonly outcome: CallOutcome | null
}

/** Takes one call down as it happens. `end` comes exactly once. */
export interface CallRecorder {
  head(head: TapedHead): void
  /** The bytes are the recorder's; nobody changes them later. */
  chunk(chunk: TapedChunk): void
  end(outcome: CallOutcome): void
}

/** The recorded call that a request is answered with, or where it leaves the recording (`EDIVERGE`). */
export type TapeAnswer =
  | { readonly ok: true; readonly call: TapedCall }
  | {
      readonly ok: false
      readonly step: number
      /** Title and hash of what the recording has next; null = it is at its end. */
      readonly expected: Pick<CanonicalRequest, 'title' | 'hash' | 'text'> | null
    }

/** A session's recording: being made, or being played. */
export type Tape =
  | { readonly mode: 'record'; record(request: CanonicalRequest, opening: CallOpening): CallRecorder }
  | { readonly mode: 'replay'; next(request: CanonicalRequest): TapeAnswer }

/** `held` waits for its paused session, `waiting` for the upstream's first byte. */
export type CallState = 'held' | 'waiting' | 'streaming' | CallEnd

/** One line of the live view of calls. */
export interface CallRow {
  readonly id: string
  readonly sessionId: string
  readonly dialect: Dialect
  readonly provider: ProviderId | null
  readonly model: string
  readonly isReplay: boolean
  readonly state: CallState
  readonly startedAtMs: number
  readonly firstByteMs: number | null
  /** null while it runs. */
  readonly durationMs: number | null
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly costUsdNanos: number | null
  readonly usageSource: UsageSource
  readonly status: number | null
  readonly error: string | null
}

/** Everything the gateway can reach, handed in. */
export interface GatewayPowers {
  /** The session of a key; compares in constant time (see `createSessionKeys`). */
  sessionOf(key: string): GatewaySession | undefined
  /** Where a call of the session goes. `requestedModel` is what the CLI named; empty for lists. */
  route(session: GatewaySession, dialect: Dialect, requestedModel: string): Promise<Routing>
  /** Told of each change of a call's line; while it streams at most every 250 ms. */
  onCall(row: CallRow): void
}
