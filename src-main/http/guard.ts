import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Why a request was turned away at the door; `undefined` = it may come in. */
export type Refusal = { readonly status: 401 | 403 | 421; readonly reason: string }

export interface GuardOptions {
  /** The bearer token of the state directory. */
  readonly token: () => string
  /** Host headers that name us: `127.0.0.1:<port>`, `localhost:<port>`; for the socket `signalbox`. */
  readonly hosts: () => readonly string[]
}

/**
 * The one check in front of every door, in this order: Host (DNS rebinding), Origin and fetch metadata (web pages), token.
 * The first two may only refuse; only the token admits. A missing Origin is not trust.
 */
export function guard(request: IncomingMessage, options: GuardOptions): Refusal | undefined {
  const host = request.headers.host
  if (host === undefined || !options.hosts().includes(host.toLowerCase()))
    return { status: 421, reason: 'unknown Host header' }
  if (request.headers.origin !== undefined)
    return { status: 403, reason: 'requests of web pages are refused' }
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'none')
    return { status: 403, reason: 'requests of web pages are refused' }
  const header = request.headers.authorization ?? ''
  const given = /^Bearer ([A-Za-z0-9_-]{20,200})$/.exec(header)?.[1]
  if (given === undefined || !isSame(given, options.token()))
    return { status: 401, reason: 'a valid bearer token is needed' }
  return undefined
}

/** Compares in constant time whatever the lengths, by comparing digests. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
