import type { FactType } from '../../contract/events.ts'
import { canonicalJson, maxBodyBytes, NotCanonical, utf8Length } from './canonical.ts'
import { eventKinds } from './event-kind.ts'

/** `previousHash` of the first entry of every chain. */
export const noHash = '0'.repeat(64)

/** Gives the entry hash: hex SHA-256 over "signalbox/audit/v1", 0x00, the previous hash as 32 bytes, the body in UTF-8. */
export type EntryHash = (previousHash: string, body: string) => string

export interface BodyParts {
  readonly actor: string
  readonly chain: string
  readonly type: FactType
  readonly version: number
  readonly atMs: number
  readonly payload: unknown
  readonly chainSeq: number
}

/** The tail of `session:<id>`; empty for the daemon's chain. */
export function sessionOfChain(chain: string): string {
  return chain.startsWith('session:') ? chain.slice('session:'.length) : ''
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`, the form that is hashed. */
export function formatOccurredAt(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** The canonical body of an entry, as it is hashed and stored (spec/routing-kits-audit.md §8.2). */
export function buildBody(parts: BodyParts): string {
  const text = (value: string) => canonicalJson(value)
  const body =
    `{"actorId":${text(parts.actor)},"chain":${text(parts.chain)},"eventKind":"${eventKinds[parts.type]}",` +
    `"eventVersion":${parts.version},"occurredAt":"${formatOccurredAt(parts.atMs)}",` +
    `"payload":${canonicalJson(parts.payload)},"sequence":${parts.chainSeq},` +
    `"sessionId":${text(sessionOfChain(parts.chain))},"v":1}`
  if (utf8Length(body) > maxBodyBytes) throw new NotCanonical('', `is longer than ${maxBodyBytes} bytes`)
  return body
}
