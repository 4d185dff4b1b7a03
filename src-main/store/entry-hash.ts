import { hash } from 'node:crypto'

const label = Buffer.from('signalbox/audit/v1\0')
const activityLabel = 'signalbox/activities/v1\0'

/** Hash of an audit entry (spec/routing-kits-audit.md §8.2). `previousHash` is 64 hexadecimal digits. */
export function entryHash(previousHash: string, body: string): string {
  const length = Buffer.byteLength(body)
  const bytes = Buffer.allocUnsafe(label.length + 32 + length)
  label.copy(bytes)
  bytes.write(previousHash, label.length, 32, 'hex')
  bytes.write(body, label.length + 32, length, 'utf8')
  return hash('sha256', bytes, 'hex')
}

/** Digest of a session's activities so far: each one over the digest before it, its cursor, its time and its stored text. */
export function activityDigest(before: string, cursor: number, atMs: number, body: string): string {
  return hash('sha256', `${activityLabel}${before}\n${cursor}\n${atMs}\n${body}`, 'hex')
}
