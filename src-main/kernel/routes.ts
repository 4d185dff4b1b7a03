import type { KernelConfig, ProcessImage, Quota } from './abi.ts'
import { openRoot } from './account.ts'
import { checkName } from './device.ts'
import { isKey, type SealedEnvelope, Seals } from './envelope.ts'
import { invalid, KernelError } from './errors.ts'
import type { Pid } from './ids.ts'
import { NonceGuard } from './nonce-guard.ts'
import type { RefusalCode } from './remote-body.ts'
import type { Outbox } from './transmission.ts'

/** What a kernel knows of other nodes: how to reach them, the keys shared with them, what they may start here. */

/** A key of at least 32 bytes, or during a change the new one and the one before it, which is still accepted. */
export type TransportKey = Uint8Array | { readonly current: Uint8Array; readonly previous?: Uint8Array }

/** One key for all nodes, or one per node by name; a node that is not listed is not spoken to. */
export type TransportKeys = TransportKey | ReadonlyMap<string, TransportKey>

/** What became of an envelope. Only `ok` means that it was delivered. */
export type IngressResult = 'ok' | 'bad_mac' | 'replay' | 'stale' | 'no_target' | 'full'

/**
 * The receiving kernel's answer to one envelope. `outcome` is what became of the envelope when it was first seen, and
 * stays the same for ever; `receipt` proves it to the sender. Both are absent where nothing final can be said.
 */
export interface IngressAnswer {
  readonly nonce: string
  readonly result: IngressResult
  readonly outcome?: IngressResult
  readonly receipt?: string
}

/**
 * Carries an envelope to another node's `ingress` and tells what it said: its answer, or on a trusted channel just
 * whether it was delivered (nothing counts as true). A rejection means that nobody knows, unless the error's `isUnsent`
 * is true. Must settle in the end; the same envelope may be given to it again.
 */
export type Forward = (
  envelope: SealedEnvelope,
) => boolean | undefined | IngressAnswer | Promise<boolean | undefined | IngressAnswer>

/** An image that other nodes may start, and what each such process gets of the root's budget. */
export interface PublishedImage {
  readonly image: ProcessImage
  readonly quota: Quota
}

/** A `spawnRemote` that waits for its answer. */
export interface PendingSpawn {
  readonly node: string
  readonly started: (pid: Pid) => void
  readonly refused: (code: RefusalCode) => void
}

const DEFAULT_SPAWN_TIMEOUT_MS = 30_000
const DEFAULT_SEND_TIMEOUT_MS = 15_000

export class Routes {
  /** This kernel's name among nodes; empty when it has none, and then nobody can answer it. */
  readonly node: string
  readonly seals: Seals
  readonly guard = new NonceGuard<IngressResult>()
  readonly images = new Map<string, PublishedImage>()
  readonly pendingSpawns = new Map<string, PendingSpawn>()
  /** Messages under way, one queue per sender and receiver: they arrive in the order in which they were sent. */
  readonly outboxes = new Map<string, Outbox>()
  readonly spawnTimeoutMs: number
  /** How long a message is presented again without anyone answering for it. */
  readonly sendTimeoutMs: number
  /** Envelopes older than this are refused: their nonces were forgotten with the last run. */
  readonly bootedAt: number
  readonly #forwards = new Map<string, Forward>()
  #keys: TransportKey | ReadonlyMap<string, TransportKey> | undefined

  constructor(config: KernelConfig) {
    const { clock, powers, limits = {} } = config
    this.node = config.node === undefined ? '' : checkName(config.node)
    this.seals = new Seals(powers, () => clock.epochMs?.() ?? clock.now())
    this.spawnTimeoutMs = limits.remoteSpawnTimeoutMs ?? DEFAULT_SPAWN_TIMEOUT_MS
    this.sendTimeoutMs = limits.remoteSendTimeoutMs ?? DEFAULT_SEND_TIMEOUT_MS
    this.bootedAt = this.seals.now()
    this.setKeys(config.transportKey)
  }

  /** Replaces all keys; undefined forgets them. EINVAL for one under 32 bytes. */
  setKeys(keys: TransportKeys | undefined): void {
    if (keys === undefined) this.#keys = undefined
    else if (keys instanceof Map) {
      this.#keys = new Map(Array.from(keys, ([node, key]) => [checkName(node), parseKey(key)] as const))
    } else this.#keys = parseKey(keys as TransportKey)
  }

  /** Adds or replaces the way to a node; returns how to take it away. EINVAL for a bad name or the kernel's own. */
  connect(node: string, forward: Forward): () => void {
    const name = checkName(node)
    if (name === this.node) invalid('a node has no route to itself')
    if (typeof forward !== 'function') invalid('a route needs a function')
    this.#forwards.set(name, forward)
    return () => {
      if (this.#forwards.get(name) === forward) this.#forwards.delete(name)
    }
  }

  /** The way to a node, or ENOROUTE. */
  forwardTo(node: string): Forward {
    const forward = this.#forwards.get(node)
    if (!forward) throw new KernelError('ENOROUTE', `no route to ${node}`)
    return forward
  }

  /** The key that seals what goes to a node, or ENOKEY. */
  sealingKey(node: string): Uint8Array {
    const [current] = this.#keysOf(node)
    if (!current) throw new KernelError('ENOKEY', `no transport key for ${node}`)
    return current
  }

  /** The keys that may have sealed what comes from a node; none for what claims to come from this very node. */
  readonly openingKeys = (node: string): readonly Uint8Array[] =>
    node !== '' && node === this.node ? [] : this.#keysOf(node)

  /** Publishes an image; returns how to withdraw it. EEXIST, EINVAL. */
  publish(name: string, image: ProcessImage, quota: Quota): () => void {
    const known = checkName(name)
    if (this.images.has(known)) throw new KernelError('EEXIST', `image ${known} is published`)
    // Opening an account is what checks a quota.
    openRoot(quota)
    const published = { image, quota: { ...quota } }
    this.images.set(known, published)
    return () => {
      if (this.images.get(known) === published) this.images.delete(known)
    }
  }

  #keysOf(node: string): readonly Uint8Array[] {
    const keys = this.#keys
    if (keys === undefined) return []
    const key = isKeyMap(keys) ? keys.get(node) : keys
    if (key === undefined) return []
    if (key instanceof Uint8Array) return [key]
    return key.previous ? [key.current, key.previous] : [key.current]
  }
}

function isKeyMap(keys: TransportKeys): keys is ReadonlyMap<string, TransportKey> {
  return keys instanceof Map
}

/** A private copy of a key, so that the caller may wipe its own. */
function parseKey(key: TransportKey): TransportKey {
  if (key instanceof Uint8Array) return copyKey(key)
  if (typeof key !== 'object' || key === null) invalid('a transport key is bytes')
  const current = copyKey(key.current)
  return key.previous === undefined ? { current } : { current, previous: copyKey(key.previous) }
}

function copyKey(key: unknown): Uint8Array {
  return isKey(key) ? Uint8Array.from(key) : invalid('a transport key has at least 32 bytes')
}
