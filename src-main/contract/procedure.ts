import type * as z from 'zod'
import type { ErrorCode } from './errors.ts'

/** Reads; may be cached. `GET /v1/<path>?input=…`. */
export interface Query<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'query'
  readonly input: I
  readonly output: O
  readonly errors: readonly ErrorCode[]
}

/** Changes; its call carries a `commandId`, and the reply the `atSeq` of its last fact. `POST /v1/<path>`. */
export interface Command<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'command'
  readonly input: I
  readonly output: O
  readonly errors: readonly ErrorCode[]
}

/** Subscribes; one plane per stream. Each item may carry a cursor, the SSE id being `<plane>:<cursor>`. */
export interface Stream<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'stream'
  readonly plane: Plane
  readonly input: I
  readonly output: O
  readonly errors: readonly ErrorCode[]
}

/** Facts are never lost, activities are durable and ordered, telemetry is bounded and lossy, rows are derived. */
export type Plane = 'facts' | 'activities' | 'telemetry' | 'rows'

export type Procedure = Query | Command | Stream

/** A contract is a plain object of plain objects of procedures: `noun.verb`. */
export type Contract = Readonly<Record<string, Readonly<Record<string, Procedure>>>>

export function query<I extends z.ZodType, O extends z.ZodType>(spec: {
  input: I
  output: O
  errors?: readonly ErrorCode[]
}): Query<I, O> {
  return { kind: 'query', input: spec.input, output: spec.output, errors: spec.errors ?? [] }
}

export function command<I extends z.ZodType, O extends z.ZodType>(spec: {
  input: I
  output: O
  errors?: readonly ErrorCode[]
}): Command<I, O> {
  return { kind: 'command', input: spec.input, output: spec.output, errors: spec.errors ?? [] }
}

export function stream<I extends z.ZodType, O extends z.ZodType>(spec: {
  plane: Plane
  input: I
  output: O
  errors?: readonly ErrorCode[]
}): Stream<I, O> {
  return {
    kind: 'stream',
    plane: spec.plane,
    input: spec.input,
    output: spec.output,
    errors: spec.errors ?? [],
  }
}

/** What a caller passes. */
export type InputOf<P extends Procedure> = z.input<P['input']>
/** What a handler receives: parsed once, defaults applied. */
export type ParsedInputOf<P extends Procedure> = z.output<P['input']>
export type OutputOf<P extends Procedure> = z.output<P['output']>

/** Who calls; set by the connection, never read from input. */
export interface Actor {
  readonly kind: 'operator' | 'token' | 'session' | 'daemon'
  readonly id: string
}

/** A client of a contract: `client.session.stop({…})`, `client.session.activities({…}, { onItem })`. */
export type ClientOf<C extends Contract> = {
  readonly [N in keyof C]: { readonly [V in keyof C[N]]: CallOf<C[N][V]> }
}

export type CallOf<P extends Procedure> = P extends Stream
  ? (input: InputOf<P>, options?: StreamOptions) => AsyncIterable<OutputOf<P>>
  : P extends Command
    ? (input: InputOf<P>, options?: CommandOptions) => Promise<OutputOf<P>>
    : (input: InputOf<P>, options?: CallOptions) => Promise<OutputOf<P>>

export interface CallOptions {
  readonly signal?: AbortSignal
}
export interface CommandOptions extends CallOptions {
  readonly commandId?: string
}
export interface StreamOptions extends CallOptions {
  /** Resume after this cursor (exclusive), as given by `Last-Event-ID`. */
  readonly afterCursor?: number
}

/** What a handler knows of its call. */
export interface CallContext {
  readonly actor: Actor
  readonly signal: AbortSignal
  /** Only for commands: made by the client, else by the door. */
  readonly commandId: string
  /** Only for streams: resume after this cursor (exclusive). */
  readonly afterCursor: number | undefined
}

/** One item of a stream; `cursor` makes it resumable and becomes the SSE id `<plane>:<cursor>`. */
export interface StreamItem<T> {
  readonly item: T
  readonly cursor?: number
  /** Takes about a millisecond to write: it is not collected with others, and others may run before the next. */
  readonly isLarge?: true
}

/** The server side of a procedure. Input is parsed once at the door; output is plain data that survives structured clone. */
export type HandlerOf<P extends Procedure> = P extends Stream
  ? (input: ParsedInputOf<P>, context: CallContext) => AsyncIterable<StreamItem<OutputOf<P>>>
  : (input: ParsedInputOf<P>, context: CallContext) => OutputOf<P> | Promise<OutputOf<P>>

/** A handler for every procedure; a forgotten one does not compile. */
export type Handlers<C extends Contract> = {
  readonly [N in keyof C]: { readonly [V in keyof C[N]]: HandlerOf<C[N][V]> }
}
