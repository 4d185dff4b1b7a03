import type { CallKind, Dialect, StopCause } from '../ports/gateway.ts'
import type { ModelEvent, ModelRequest } from '../ports/models.ts'
import type { JsonObject } from './json-values.ts'
import type { Meter } from './meter.ts'

/** Why an answer is an error: a stop of ours, or something that went wrong. */
export type FailureCause =
  | StopCause
  | 'bad_request'
  | 'too_large'
  | 'unknown_key'
  | 'not_local'
  | 'no_route'
  | 'not_found'
  | 'diverged'
  | 'upstream_failed'
  | 'upstream_silent'

export interface Failure {
  readonly cause: FailureCause
  /** For people, without our name in front. */
  readonly sentence: string
  /** A status of the upstream that is to be shown instead of the cause's own. */
  readonly status?: number
  readonly retryAfterMs?: number | null
}

/** What a request asks for, read from its path and body. */
export interface Asked {
  readonly dialect: Dialect
  readonly kind: CallKind
  /** As the CLI named it; empty for lists. */
  readonly model: string
  readonly isStream: boolean
  /** Gemini streams as one JSON array unless `alt=sse` is asked for. */
  readonly isEvents: boolean
  readonly path: string
  readonly query: URLSearchParams
}

/** The parts of a request that the models port takes, without where it goes. */
export type ReadRequest = Pick<ModelRequest, 'messages' | 'tools' | 'settings'> & {
  readonly maxOutputTokens: number | null
  /** Tools that take free text instead of JSON (Responses). */
  readonly freeFormTools: ReadonlySet<string>
}

/** Thrown by readers for requests that cannot be translated; the sentence goes to the CLI. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable'
}

/** Writes an answer in a dialect, from events as they come. Each returned text goes out as it is. */
export interface AnswerWriter {
  start(): string
  event(event: ModelEvent): string
  /** The answer in one piece, after all events. */
  whole(): unknown
}

export interface AnswerFacts {
  readonly id: string
  readonly model: string
  readonly atMs: number
  readonly estimatedInput: number
  readonly freeFormTools: ReadonlySet<string>
  /** Chat Completions streams tell the usage only when asked to. */
  readonly wantsUsage: boolean
}

/** What a stream has told so far, for errors in the middle of it. */
export interface StreamState {
  /** Number of the last event, where the dialect numbers them. */
  sequence: number
  /** Set when the dialect's last event has passed. */
  isComplete: boolean
  /** What the upstream itself said went wrong inside the stream. */
  error: string | null
}

/** One public API: how its errors look, where its usage stands, how it is read and written. */
export interface DialectShape {
  readonly dialect: Dialect
  /** The status of an error, chosen so that clients show it instead of trying again where that is pointless. */
  status(failure: Failure): number
  failure(failure: Failure, status: number): unknown
  /** Pieces of an error inside a running stream, each to be sent by itself. */
  inBand(failure: Failure, status: number, state: StreamState): readonly string[]
  /** Reads one event of a stream, for the meter and for what else the stream has told. */
  observe(event: JsonObject, meter: Meter, state: StreamState): void
  /** Reads an answer in one piece for the meter. */
  observeWhole(body: JsonObject, meter: Meter): void
  /** Path and query at the upstream, below its base address. */
  upstreamPath(asked: Asked, model: string): string
  keyHeaders(apiKey: string): Readonly<Record<string, string>>
  /** Members of the body that must differ at the upstream. */
  patch(body: JsonObject, asked: Asked, model: string): Readonly<Record<string, unknown>>
  read(body: JsonObject): ReadRequest
  write(facts: AnswerFacts): AnswerWriter
  list(models: readonly string[]): unknown
  count(tokens: number): unknown
}

/** Every sentence of ours that reaches a CLI begins with who speaks. */
export function spoken(failure: Failure): string {
  return `Signalbox: ${failure.sentence}`
}

const statuses: Readonly<Record<FailureCause, number>> = {
  not_held: 403,
  over_budget: 402,
  ended: 403,
  revoked: 403,
  busy: 429,
  bad_request: 400,
  too_large: 413,
  unknown_key: 401,
  not_local: 403,
  no_route: 400,
  not_found: 404,
  diverged: 400,
  upstream_failed: 502,
  upstream_silent: 504,
}

/** The plain meaning in HTTP; dialects whose clients misread one of these choose another. */
export function statusOf(failure: Failure): number {
  return failure.status ?? statuses[failure.cause]
}

export function dataFrame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

export function eventFrame(event: string, value: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(value)}\n\n`
}
