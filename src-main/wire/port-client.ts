import { SignalboxError, type WireError } from '../contract/errors.ts'
import type { ClientOf, CommandOptions, Contract, StreamOptions } from '../contract/procedure.ts'
import type { ServerEnvelope } from './envelope.ts'
import type { Port } from './port.ts'
import { findProcedure, fromWireError } from './router.ts'

export interface PortClient<C extends Contract> {
  readonly client: ClientOf<C>
  /** Ends every call in flight with `disconnected`. */
  close(): void
}

interface Pending {
  readonly settle: (message: Extract<ServerEnvelope, { t: 'res' }>) => void
  readonly fail: (error: SignalboxError) => void
}

interface Feed {
  push(items: readonly unknown[]): void
  end(error?: WireError): void
}

/** A typed client over a port. `newId` makes command ids (at least 64 random bits). */
export function createPortClient<C extends Contract>(
  contract: C,
  port: Port,
  powers: { readonly newId: () => string },
): PortClient<C> {
  const link: Link = {
    port,
    newId: powers.newId,
    pending: new Map(),
    feeds: new Map(),
    nextId: 1,
    isClosed: false,
  }
  const endAll = () => {
    link.isClosed = true
    for (const call of link.pending.values()) call.fail(new SignalboxError('disconnected', {}))
    for (const feed of link.feeds.values())
      feed.end({ code: 'disconnected', message: 'disconnected', data: {} })
    link.pending.clear()
    link.feeds.clear()
  }
  // The other end is our own main process or a daemon's relay; what it sends has this shape.
  port.onMessage((data) => receive(data as ServerEnvelope, link))
  port.onClose(endAll)
  const close = () => {
    endAll()
    port.close()
  }
  const client = buildClient(
    contract,
    (path, input, options, isCommand) => requestOnce(link, path, input, options, isCommand),
    (path, input, options) => openStream(link, path, input, options),
  )
  return { client, close }
}

/** One connection: what is in flight on it. */
interface Link {
  readonly port: Port
  readonly newId: () => string
  readonly pending: Map<number, Pending>
  readonly feeds: Map<number, Feed>
  nextId: number
  isClosed: boolean
}

function requestOnce(
  link: Link,
  path: string,
  input: unknown,
  options: CommandOptions,
  isCommand: boolean,
): Promise<unknown> {
  const { port, pending } = link
  return new Promise<unknown>((resolve, reject) => {
    if (link.isClosed) return reject(new SignalboxError('disconnected', {}))
    if (options.signal?.aborted) return reject(new SignalboxError('cancelled', {}))
    const id = link.nextId++
    const onAbort = () => {
      pending.delete(id)
      port.post({ t: 'cancel', id })
      reject(new SignalboxError('cancelled', {}))
    }
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const finish = () => options.signal?.removeEventListener('abort', onAbort)
    pending.set(id, {
      settle(message) {
        finish()
        if (message.ok) resolve(message.value)
        else reject(fromWireError(message.error))
      },
      fail(error) {
        finish()
        reject(error)
      },
    })
    const commandId = isCommand ? { commandId: options.commandId ?? link.newId() } : {}
    port.post({ t: 'req', id, path, input, ...commandId })
  })
}

function openStream(
  link: Link,
  path: string,
  input: unknown,
  options: StreamOptions,
): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      if (link.isClosed) throw new SignalboxError('disconnected', {})
      const id = link.nextId++
      const stop = () => {
        if (link.feeds.delete(id)) link.port.post({ t: 'cancel', id })
      }
      const feed = createFeed(stop, options.signal, (read) => link.port.post({ t: 'more', id, read }))
      link.feeds.set(id, feed)
      const { afterCursor } = options
      link.port.post({ t: 'open', id, path, input, ...(afterCursor === undefined ? {} : { afterCursor }) })
      return feed
    },
  }
}

function receive(message: ServerEnvelope, { pending, feeds }: Link): void {
  if (message.t === 'res') {
    const call = pending.get(message.id)
    pending.delete(message.id)
    call?.settle(message)
  } else if (message.t === 'item') {
    feeds.get(message.id)?.push(message.items)
  } else if (message.t === 'end') {
    const feed = feeds.get(message.id)
    feeds.delete(message.id)
    feed?.end(message.error)
  }
}

/** Builds the tree of functions from the contract; used by every client, whatever its transport. */
export function buildClient<C extends Contract>(
  contract: C,
  request: (path: string, input: unknown, options: CommandOptions, isCommand: boolean) => Promise<unknown>,
  open: (path: string, input: unknown, options: StreamOptions) => AsyncIterable<unknown>,
): ClientOf<C> {
  const tree: Record<string, Record<string, unknown>> = {}
  for (const [noun, group] of Object.entries(contract)) {
    const verbs: Record<string, unknown> = {}
    for (const verb of Object.keys(group)) {
      const path = `${noun}.${verb}`
      const kind = findProcedure(contract, path)?.kind
      verbs[verb] =
        kind === 'stream'
          ? (input: unknown, options: StreamOptions = {}) => open(path, input, options)
          : (input: unknown, options: CommandOptions = {}) =>
              request(path, input, options, kind === 'command')
    }
    tree[noun] = Object.freeze(verbs)
  }
  return Object.freeze(tree) as ClientOf<C>
}

/**
 * A queue between pushed batches and an async iterator; `stop` runs when the reader leaves early or aborts. `onRead` is
 * told how many batches were read since the last time, when the reader comes for an item that is not there yet.
 */
export function createFeed(
  stop: () => void,
  signal?: AbortSignal,
  onRead?: (batches: number) => void,
): Feed & AsyncIterator<unknown> {
  let queue: unknown[] = []
  let head = 0
  let batches = 0
  let ended: { error?: WireError } | undefined
  let wake: (() => void) | undefined
  const rouse = () => {
    wake?.()
    wake = undefined
  }
  const leave = () => {
    if (!ended) stop()
    ended ??= {}
    rouse()
  }
  signal?.addEventListener('abort', leave, { once: true })
  return {
    push(items) {
      for (const item of items) queue.push(item)
      batches += 1
      rouse()
    },
    end(error) {
      ended ??= error === undefined ? {} : { error }
      rouse()
    },
    async next() {
      for (;;) {
        if (head < queue.length) return { done: false, value: queue[head++] }
        queue = []
        head = 0
        if (batches > 0 && !ended) onRead?.(batches)
        batches = 0
        if (ended?.error) {
          const { error } = ended
          ended = {}
          throw fromWireError(error)
        }
        if (ended) return { done: true, value: undefined }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async return() {
      leave()
      queue = []
      return { done: true, value: undefined }
    },
  }
}
