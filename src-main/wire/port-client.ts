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
  const pending = new Map<number, Pending>()
  const feeds = new Map<number, Feed>()
  let nextId = 1
  let isClosed = false
  const closeAll = () => {
    isClosed = true
    const error = new SignalboxError('disconnected', {})
    for (const call of pending.values()) call.fail(error)
    for (const feed of feeds.values()) feed.end({ code: 'disconnected', message: 'disconnected', data: {} })
    pending.clear()
    feeds.clear()
  }
  port.onMessage((data) => receive(data as ServerEnvelope, pending, feeds))
  port.onClose(closeAll)

  const request = (path: string, input: unknown, options: CommandOptions, isCommand: boolean) =>
    new Promise<unknown>((resolve, reject) => {
      if (isClosed) return reject(new SignalboxError('disconnected', {}))
      if (options.signal?.aborted) return reject(new SignalboxError('cancelled', {}))
      const id = nextId++
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
      port.post(
        isCommand
          ? { t: 'req', id, path, input, commandId: options.commandId ?? powers.newId() }
          : { t: 'req', id, path, input },
      )
    })

  const open = (path: string, input: unknown, options: StreamOptions): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]() {
      if (isClosed) throw new SignalboxError('disconnected', {})
      const id = nextId++
      const queue = createFeed(() => {
        if (!feeds.delete(id)) return
        port.post({ t: 'cancel', id })
      }, options.signal)
      feeds.set(id, queue)
      const { afterCursor } = options
      port.post(
        afterCursor === undefined
          ? { t: 'open', id, path, input }
          : { t: 'open', id, path, input, afterCursor },
      )
      return queue
    },
  })

  const close = () => {
    closeAll()
    port.close()
  }
  return { client: buildClient(contract, request, open), close }
}

function receive(message: ServerEnvelope, pending: Map<number, Pending>, feeds: Map<number, Feed>): void {
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

/** A queue between pushed batches and an async iterator; `stop` runs when the reader leaves early or aborts. */
export function createFeed(stop: () => void, signal?: AbortSignal): Feed & AsyncIterator<unknown> {
  let queue: unknown[] = []
  let head = 0
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
