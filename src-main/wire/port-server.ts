import type { Actor, StreamItem } from '../contract/procedure.ts'
import {
  type ClientEnvelope,
  maxInFlight,
  maxUnread,
  readClientEnvelope,
  type ServerEnvelope,
} from './envelope.ts'
import type { Port } from './port.ts'
import type { Router } from './router.ts'

export interface PortServerOptions {
  readonly actor: Actor
  /** Waits one turn of the event loop, so that a fast stream never starves the thread. */
  readonly nextTurn: () => Promise<void>
  /** Collects stream items for this long before they are posted; 16 ms is one frame. */
  readonly batchMs?: number
  readonly setTimer: (fn: () => void, ms: number) => void
}

/** Most items in one message. */
const maxBatch = 100

/** One call in flight: how to end it, and how far its reader lags behind. */
interface LiveCall {
  readonly controller: AbortController
  readonly unread: Unread
}

/** Serves one connection until its port closes; then every call and subscription of it is aborted. */
export function servePort(port: Port, router: Router, options: PortServerOptions): { close(): void } {
  const live = new Map<number, LiveCall>()
  const post = (message: ServerEnvelope) => port.post(message)
  const start = (envelope: Exclude<ClientEnvelope, { t: 'cancel' | 'more' }>) => {
    if (live.has(envelope.id) || live.size >= maxInFlight) return
    const controller = new AbortController()
    const call: LiveCall = { controller, unread: createUnread(controller.signal) }
    live.set(envelope.id, call)
    const done =
      envelope.t === 'req'
        ? answer(router, envelope, controller, options, post)
        : stream(router, envelope, call, options, post)
    void done.finally(() => live.delete(envelope.id))
  }
  port.onMessage((data) => {
    const envelope = readClientEnvelope(data)
    if (!envelope) return
    if (envelope.t === 'cancel') live.get(envelope.id)?.controller.abort()
    else if (envelope.t === 'more') live.get(envelope.id)?.unread.take(envelope.read)
    else start(envelope)
  })
  const abortAll = () => {
    for (const { controller } of live.values()) controller.abort()
    live.clear()
  }
  port.onClose(abortAll)
  return {
    close() {
      abortAll()
      port.close()
    },
  }
}

async function answer(
  router: Router,
  envelope: Extract<ClientEnvelope, { t: 'req' }>,
  controller: AbortController,
  options: PortServerOptions,
  post: (message: ServerEnvelope) => void,
): Promise<void> {
  const { id, path } = envelope
  try {
    const value = await router.call(path, envelope.input, {
      actor: options.actor,
      signal: controller.signal,
      commandId: envelope.commandId,
    })
    post({ t: 'res', id, ok: true, value })
  } catch (thrown) {
    post({ t: 'res', id, ok: false, error: router.toWireError(thrown, path) })
  }
}

async function stream(
  router: Router,
  envelope: Extract<ClientEnvelope, { t: 'open' }>,
  { controller, unread }: LiveCall,
  options: PortServerOptions,
  post: (message: ServerEnvelope) => void,
): Promise<void> {
  const { id, path } = envelope
  const send = (message: ServerEnvelope) => {
    unread.add()
    post(message)
  }
  const batch = createBatch(id, options, send, controller.signal)
  try {
    const call = { actor: options.actor, signal: controller.signal, afterCursor: envelope.afterCursor }
    for await (const entry of router.open(path, envelope.input, call)) {
      if (controller.signal.aborted) break
      if (batch.add(entry)) await options.nextTurn()
      if (unread.isFull()) await unread.hasRoom()
    }
    batch.flush()
    post({ t: 'end', id })
  } catch (thrown) {
    batch.flush()
    if (controller.signal.aborted) post({ t: 'end', id })
    else post({ t: 'end', id, error: router.toWireError(thrown, path) })
  }
}

type Unread = ReturnType<typeof createUnread>

/** Counts messages that the reader has not read yet, and waits while there are too many, or until the call is aborted. */
function createUnread(signal: AbortSignal) {
  let count = 0
  let wake: (() => void) | undefined
  const rouse = () => {
    wake?.()
    wake = undefined
  }
  signal.addEventListener('abort', rouse, { once: true })
  const isFull = () => count >= maxUnread && !signal.aborted
  return {
    add(): void {
      count += 1
    },
    take(read: number): void {
      count = Math.max(0, count - read)
      if (!isFull()) rouse()
    },
    isFull,
    hasRoom: () =>
      new Promise<void>((resolve) => {
        wake = resolve
      }),
  }
}

function createBatch(
  id: number,
  options: PortServerOptions,
  post: (message: ServerEnvelope) => void,
  signal: AbortSignal,
) {
  let items: unknown[] = []
  let cursor: number | undefined
  let isTimed = false
  const flush = () => {
    if (items.length === 0 || signal.aborted) return
    post(cursor === undefined ? { t: 'item', id, items } : { t: 'item', id, items, cursor })
    items = []
  }
  return {
    flush,
    /** True when a batch went out and the caller should let others run. */
    add(entry: StreamItem<unknown>): boolean {
      items.push(entry.item)
      cursor = entry.cursor ?? cursor
      if (entry.isLarge || items.length >= maxBatch) {
        flush()
        return true
      }
      if (!isTimed) {
        isTimed = true
        options.setTimer(() => {
          isTimed = false
          flush()
        }, options.batchMs ?? 16)
      }
      return false
    },
  }
}
