import { SignalboxError, WireError } from '../contract/errors.ts'
import type { ClientOf, CommandOptions, Contract, StreamItem, StreamOptions } from '../contract/procedure.ts'
import { buildClient } from './port-client.ts'
import { findProcedure, fromWireError, type RouteCall, type Router } from './router.ts'

/** One HTTP exchange, given by the host: a Unix socket in the command line, anything else elsewhere. */
export type Exchange = (request: {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal | undefined
}) => Promise<{ readonly status: number; readonly chunks: AsyncIterable<string> }>

export interface HttpPowers {
  readonly exchange: Exchange
  readonly token: () => string
  readonly newId: () => string
  readonly contract: Contract
}

/** A typed client over the HTTP door. A door that does not answer gives `disconnected`. */
export function createHttpClient<C extends Contract>(
  contract: C,
  given: Omit<HttpPowers, 'contract'>,
): ClientOf<C> {
  const powers = { ...given, contract }
  return buildClient(
    contract,
    (path, input, options, isCommand) =>
      requestOnce(
        powers,
        path,
        input,
        isCommand ? { ...options, commandId: options.commandId ?? powers.newId() } : options,
      ),
    (path, input, options) => mapItems(openStream(powers, path, input, options)),
  )
}

/** The same door as a router, so that a window can be served from another daemon through the same port server. */
export function createHttpRouter(contract: Contract, given: Omit<HttpPowers, 'contract'>): Router {
  const powers = { ...given, contract }
  return {
    contract,
    find: (path) => findProcedure(contract, path),
    call: (path, input, { signal, commandId }) =>
      requestOnce(powers, path, input, commandId === undefined ? { signal } : { signal, commandId }),
    open: (path, input, call) => openStream(powers, path, input, streamOptions(call)),
    toWireError: (thrown) =>
      thrown instanceof SignalboxError
        ? { code: thrown.code, message: thrown.message, data: thrown.data }
        : { code: 'disconnected', message: String(thrown), data: {} },
  }
}

const streamOptions = ({ signal, afterCursor }: RouteCall): StreamOptions =>
  afterCursor === undefined ? { signal } : { signal, afterCursor }

function planeOf(path: string, powers: HttpPowers): string {
  const procedure = findProcedure(powers.contract, path)
  return procedure?.kind === 'stream' ? procedure.plane : ''
}

const url = (path: string) => `/v1/${path.replace('.', '/')}`

function headersOf(powers: HttpPowers, more: Readonly<Record<string, string>>): Record<string, string> {
  return {
    host: 'signalbox',
    authorization: `Bearer ${powers.token()}`,
    'content-type': 'application/json',
    ...more,
  }
}

async function requestOnce(
  powers: HttpPowers,
  path: string,
  input: unknown,
  options: CommandOptions,
): Promise<unknown> {
  const more = options.commandId === undefined ? {} : { 'x-command-id': options.commandId }
  const answer = await send(powers, path, input, more, options.signal)
  let text = ''
  for await (const chunk of answer.chunks) text += chunk
  const body = parse(text)
  if (answer.status === 200 && body !== undefined && 'value' in body) return body.value
  throw errorOf(body, answer.status)
}

async function send(
  powers: HttpPowers,
  path: string,
  input: unknown,
  more: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
) {
  try {
    return await powers.exchange({
      method: 'POST',
      path: url(path),
      headers: headersOf(powers, more),
      body: JSON.stringify(input ?? {}),
      signal,
    })
  } catch (cause) {
    if (signal?.aborted) throw new SignalboxError('cancelled', {}, { cause })
    throw new SignalboxError('disconnected', {}, { cause })
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function errorOf(body: Record<string, unknown> | undefined, status: number): SignalboxError {
  const parsed = WireError.safeParse(body?.error)
  return parsed.success
    ? fromWireError(parsed.data)
    : new SignalboxError('internal', {}, { message: `the daemon answered ${status} without a reason` })
}

async function* mapItems(items: AsyncIterable<StreamItem<unknown>>): AsyncIterable<unknown> {
  for await (const { item } of items) yield item
}

/** Reads server-sent events; a stream that breaks off without its end event is an error, never a silent end. */
async function* openStream(
  powers: HttpPowers,
  path: string,
  input: unknown,
  options: StreamOptions,
): AsyncIterable<StreamItem<unknown>> {
  const more: Record<string, string> =
    options.afterCursor === undefined
      ? {}
      : { 'last-event-id': `${planeOf(path, powers)}:${options.afterCursor}` }
  const answer = await send(powers, path, input, more, options.signal)
  let buffer = ''
  for await (const chunk of answer.chunks) {
    buffer += chunk
    if (answer.status !== 200) continue
    const blocks = buffer.split('\n\n')
    buffer = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = readEvent(block)
      if (event?.name === 'item') yield toItem(event, block.length)
      else if (event?.name === 'end') return endStream(event.data)
    }
  }
  if (answer.status !== 200) throw errorOf(parse(buffer), answer.status)
  if (!options.signal?.aborted) throw new SignalboxError('disconnected', {})
}

/** What a daemon sent as a large item is large on the next line too; it does not say so itself. */
const largeChars = 16_384

function toItem(
  { data, cursor }: { readonly data: unknown; readonly cursor: number | undefined },
  chars: number,
): StreamItem<unknown> {
  return {
    item: data,
    ...(cursor === undefined ? {} : { cursor }),
    ...(chars > largeChars ? { isLarge: true } : {}),
  }
}

function endStream(data: unknown): void {
  const error =
    typeof data === 'object' && data !== null && 'error' in data ? WireError.safeParse(data.error) : undefined
  if (error?.success) throw fromWireError(error.data)
}

function readEvent(block: string): { name: string; data: unknown; cursor: number | undefined } | undefined {
  let name = ''
  let data = ''
  let cursor: number | undefined
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7)
    else if (line.startsWith('data: ')) data += line.slice(6)
    else if (line.startsWith('id: ')) cursor = Number(line.slice(line.indexOf(':', 4) + 1))
  }
  if (name === '') return undefined
  try {
    return { name, data: JSON.parse(data), cursor }
  } catch {
    throw new SignalboxError('disconnected', {}, { message: 'the daemon sent a broken event' })
  }
}
