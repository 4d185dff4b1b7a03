import { errorTable, isErrorCode, SignalboxError, type WireError } from '../contract/errors.ts'
import { CommandId } from '../contract/ids.ts'
import type { Actor, CallContext, Contract, Handlers, Procedure, StreamItem } from '../contract/procedure.ts'

/** Options of one call as a transport hands it over. */
export interface RouteCall {
  readonly actor: Actor
  readonly signal: AbortSignal
  readonly commandId?: string | undefined
  readonly afterCursor?: number | undefined
}

/** Anything that answers calls of a contract: the application itself, or a client of another daemon. */
export interface Router {
  readonly contract: Contract
  find(path: string): Procedure | undefined
  call(path: string, input: unknown, options: RouteCall): Promise<unknown>
  open(path: string, input: unknown, options: RouteCall): AsyncIterable<StreamItem<unknown>>
  /** Turns anything thrown into plain data; a defect gets an incident id and its text stays in the log. */
  toWireError(thrown: unknown, path: string): WireError
}

export interface RouterPowers {
  /** Makes command ids and incident ids: at least 64 random bits, URL-safe. */
  readonly newId: () => string
  /** Told of every defect, with its incident id. */
  readonly onDefect: (incident: string, path: string, thrown: unknown) => void
  /** Parse outputs as well (tests and development). */
  readonly checksOutput: boolean
}

type AnyHandler = (input: unknown, context: CallContext) => unknown

/** Finds a procedure by `noun.verb`; own properties only, so `constructor.name` finds nothing. */
export function findProcedure(contract: Contract, path: string): Procedure | undefined {
  const [noun, verb, ...rest] = path.split('.')
  if (noun === undefined || verb === undefined || rest.length > 0) return undefined
  const group = Object.hasOwn(contract, noun) ? contract[noun] : undefined
  return group && Object.hasOwn(group, verb) ? group[verb] : undefined
}

/** Serves a contract with its handlers: parses input once, checks the kind, keeps errors plain. */
export function createRouter<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
  powers: RouterPowers,
): Router {
  const handlerOf = (path: string): AnyHandler => {
    const [noun = '', verb = ''] = path.split('.')
    const group: Readonly<Record<string, unknown>> = handlers[noun] ?? {}
    return group[verb] as AnyHandler
  }
  const prepare = (path: string, kinds: readonly Procedure['kind'][], input: unknown, options: RouteCall) => {
    const procedure = findProcedure(contract, path)
    if (!procedure || !kinds.includes(procedure.kind))
      throw new SignalboxError('unknown_procedure', { name: path.slice(0, 100) })
    const context: CallContext = {
      actor: options.actor,
      signal: options.signal,
      commandId: procedure.kind === 'command' ? readCommandId(options.commandId, powers) : '',
      afterCursor: options.afterCursor,
    }
    return { procedure, context, parsed: parseInput(procedure, input) }
  }
  return {
    contract,
    find: (path) => findProcedure(contract, path),
    async call(path, input, options) {
      const { procedure, context, parsed } = prepare(path, ['query', 'command'], input, options)
      const value = await handlerOf(path)(parsed, context)
      return powers.checksOutput ? procedure.output.parse(value) : value
    },
    async *open(path, input, options) {
      const { procedure, context, parsed } = prepare(path, ['stream'], input, options)
      const items = handlerOf(path)(parsed, context) as AsyncIterable<StreamItem<unknown>>
      for await (const entry of items) {
        yield powers.checksOutput ? { ...entry, item: procedure.output.parse(entry.item) } : entry
      }
    },
    toWireError: (thrown, path) => toWireError(thrown, path, powers),
  }
}

function readCommandId(given: string | undefined, powers: RouterPowers): string {
  if (given === undefined) return powers.newId()
  const parsed = CommandId.safeParse(given)
  if (parsed.success) return parsed.data
  throw new SignalboxError('invalid_input', {
    issues: [{ path: 'commandId', message: parsed.error.issues[0]?.message ?? 'not a command id' }],
  })
}

function parseInput(procedure: Procedure, input: unknown): unknown {
  const parsed = procedure.input.safeParse(input ?? {})
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.slice(0, 20).map((issue) => ({
    path: issue.path.map(String).join('.').slice(0, 200),
    message: issue.message.slice(0, 500),
  }))
  throw new SignalboxError('invalid_input', { issues })
}

function toWireError(thrown: unknown, path: string, powers: RouterPowers): WireError {
  if (thrown instanceof SignalboxError && isErrorCode(thrown.code)) {
    const { code, message, data } = thrown
    return thrown.incident === undefined
      ? { code, message, data }
      : { code, message, data, incident: thrown.incident }
  }
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return { code: 'cancelled', message: 'cancelled', data: {} }
  const incident = powers.newId()
  powers.onDefect(incident, path, thrown)
  return { code: 'internal', message: 'internal error', data: {}, incident }
}

/** Turns wire data back into an error; an unknown code of a newer peer becomes `internal` with the code in its message. */
export function fromWireError(error: WireError): SignalboxError {
  const options =
    error.incident === undefined
      ? { message: error.message }
      : { message: error.message, incident: error.incident }
  if (!isErrorCode(error.code))
    return new SignalboxError('internal', {}, { ...options, message: `${error.code}: ${error.message}` })
  const parsed = errorTable[error.code].data.safeParse(error.data)
  return parsed.success
    ? new SignalboxError(error.code, parsed.data, options)
    : new SignalboxError('internal', {}, { ...options, message: `${error.code}: ${error.message}` })
}
