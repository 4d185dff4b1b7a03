import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Failure } from './dialect-shape.ts'

const loopbackPeer = /^(?:127\.|::1$|::ffff:127\.)/
/** The port is free: behind a wall the same door stands at another one. The name is what rebinding would change. */
const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** What is refused before any key is looked at: callers from outside, foreign names (DNS rebinding), web pages. */
export function refusalAtDoor(request: IncomingMessage, hosts: readonly string[]): Failure | undefined {
  const peer = request.socket.remoteAddress
  if (peer !== undefined && !loopbackPeer.test(peer))
    return { cause: 'not_local', sentence: 'only this machine may call' }
  const host = request.headers.host
  if (host === undefined || !(loopbackHost.test(host) || hosts.includes(host.toLowerCase())))
    return { cause: 'not_local', sentence: 'this host name is not known here' }
  const site = request.headers['sec-fetch-site']
  if (request.headers.origin !== undefined || (site !== undefined && site !== 'none'))
    return { cause: 'not_local', sentence: 'web pages may not call' }
  return undefined
}

/** The session key in whichever of the four places the client's API has for it; the first one found. */
export function keyOf(headers: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return (
    bearer ??
    single(headers['x-api-key']) ??
    single(headers['x-goog-api-key']) ??
    query.get('key') ??
    undefined
  )
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
