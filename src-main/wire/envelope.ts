import type { WireError } from '../contract/errors.ts'

/**
 * The one envelope on every transport. Client to server: `req`, `cancel`, `open`, `more`. Server to client: `res`, `item`,
 * `end`. `id` is chosen by the client and unique among its calls in flight. `more` says how many `item` messages of a
 * stream have been read since the last one, so that a stream never runs ahead of a reader that is busy drawing.
 */
export type ClientEnvelope =
  | {
      readonly t: 'req'
      readonly id: number
      readonly path: string
      readonly input: unknown
      readonly commandId?: string
    }
  | {
      readonly t: 'open'
      readonly id: number
      readonly path: string
      readonly input: unknown
      readonly afterCursor?: number
    }
  | { readonly t: 'cancel'; readonly id: number }
  | { readonly t: 'more'; readonly id: number; readonly read: number }

export type ServerEnvelope =
  | { readonly t: 'res'; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly t: 'res'; readonly id: number; readonly ok: false; readonly error: WireError }
  | { readonly t: 'item'; readonly id: number; readonly items: readonly unknown[]; readonly cursor?: number }
  | { readonly t: 'end'; readonly id: number; readonly error?: WireError }

/** Largest number of calls one connection may have in flight; more are refused. */
export const maxInFlight = 1024

/** Most `item` messages of one stream that are under way or unread; the server waits for `more` before the next. */
export const maxUnread = 16

/** Checks a message from outside; undefined when it is no envelope (ignored by servers, with a count). */
export function readClientEnvelope(data: unknown): ClientEnvelope | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const message = data as Partial<Record<string, unknown>>
  const { t, id, path } = message
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) return undefined
  if (t === 'cancel') return { t, id }
  if (t === 'more') {
    const { read } = message
    return typeof read === 'number' && Number.isSafeInteger(read) && read > 0 ? { t, id, read } : undefined
  }
  if (typeof path !== 'string' || path.length > 200) return undefined
  if (t === 'req') {
    const { commandId } = message
    return typeof commandId === 'string'
      ? { t, id, path, input: message.input, commandId }
      : { t, id, path, input: message.input }
  }
  if (t === 'open') {
    const { afterCursor } = message
    const isCursor = typeof afterCursor === 'number' && Number.isSafeInteger(afterCursor) && afterCursor >= 0
    return isCursor
      ? { t, id, path, input: message.input, afterCursor }
      : { t, id, path, input: message.input }
  }
  return undefined
}
