import { createHash, timingSafeEqual } from 'node:crypto'

/** Keys of the sessions that may call. Only digests are kept, so nothing here can give a key away. */
export interface SessionKeys<S> {
  /** A new key of the session, 43 URL-safe characters behind `sbx-`. An earlier one of it stays valid. */
  issue(session: S): string
  /** Takes in a key that was issued before a restart. */
  restore(key: string, session: S): void
  sessionOf(key: string): S | undefined
  /** All keys of the session are void from now on. */
  revoke(session: S): void
  close(): void
}

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** `randomBytes` must be cryptographically strong. */
export function createSessionKeys<S>(randomBytes: (count: number) => Uint8Array): SessionKeys<S> {
  const known = new Map<string, { readonly digest: Buffer; readonly session: S }>()
  function restore(key: string, session: S): void {
    const digest = digestOf(key)
    known.set(digest.toString('hex'), { digest, session })
  }
  return {
    issue(session) {
      const key = `sbx-${Buffer.from(randomBytes(32)).toString('base64url')}`
      restore(key, session)
      return key
    },
    restore,
    sessionOf(key) {
      // The lookup goes by digest: its timing tells about digests, which nobody can choose or invert.
      const digest = digestOf(key)
      const found = known.get(digest.toString('hex'))
      return found && timingSafeEqual(found.digest, digest) ? found.session : undefined
    },
    revoke(session) {
      for (const [digest, one] of known) if (one.session === session) known.delete(digest)
    },
    close: () => known.clear(),
  }
}
