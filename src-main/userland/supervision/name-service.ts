import type { Message, ProcessImage, Right, Sys } from '../../kernel/abi.ts'
import type { CapRef, Pid } from '../../kernel/ids.ts'
import { codeOf, messageOf, UserlandError } from '../faults.ts'
import { answer, ask } from '../request.ts'
import { isTerm } from '../signals.ts'

const DEFAULT_MAX_ENTRIES = 10_000
const NAME_BYTES = 256

interface Request {
  readonly $: 'name.register' | 'name.unregister' | 'name.lookup'
  readonly name: string
  /** What lookups may do with it. */
  readonly rights?: readonly Right[]
}

type Answer =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: AnswerCode; readonly message: string }
type AnswerCode = 'EEXIST' | 'EINVAL' | 'EDENIED'

export interface RegisterOptions {
  /** Rights that lookups hand out, default `send`. Those the given capability lacks are EDENIED. */
  readonly rights?: readonly Right[]
  /** Milliseconds to wait for the service, default 5000. */
  readonly timeoutMs?: number
}

/**
 * Publishes a capability under a name at a broker. The broker gets a child of `cap` and hands out children of that, so
 * revoking `cap` takes it back from everyone. With the monitor right on it the entry goes when that process ends.
 * Rejects with EEXIST while another process holds the name, EINVAL for a bad name, EDENIED when `cap` can't be handed
 * out with those rights or the broker is full, ETIMEDOUT; and as `send`.
 */
export async function register(
  sys: Sys,
  service: CapRef,
  name: string,
  cap: CapRef,
  options: RegisterOptions = {},
): Promise<void> {
  const { rights = ['send'], timeoutMs } = options
  const request: Request = { $: 'name.register', name, rights }
  settled((await ask<Answer>(sys, service, request, { caps: [cap], timeoutMs })).body)
}

/** Withdraws a name that this process registered. EDENIED when another holds it; an unknown name is no error. */
export async function unregister(
  sys: Sys,
  service: CapRef,
  name: string,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const request: Request = { $: 'name.unregister', name }
  settled((await ask<Answer>(sys, service, request, options)).body)
}

/** A fresh, narrowed capability on what is registered under a name, undefined for an unknown one. ETIMEDOUT; and as `send`. */
export async function lookup(
  sys: Sys,
  service: CapRef,
  name: string,
  options: { readonly timeoutMs?: number } = {},
): Promise<CapRef | undefined> {
  const request: Request = { $: 'name.lookup', name }
  const { body, caps } = await ask<Answer>(sys, service, request, options)
  settled(body)
  return caps[0]
}

function settled(body: Answer): void {
  if (!body.ok) throw new UserlandError(body.code, body.message)
}

/**
 * The broker process. It acts only on capabilities that its clients send with their requests, never on a pid or name
 * out of a message's body, so nobody can use it to reach what they could not reach themselves (the confused deputy).
 * A name belongs to the process that registered it. Ends with Term.
 */
export function nameService(options: { readonly maxEntries?: number } = {}): ProcessImage {
  return {
    name: 'name-service',
    async main(sys) {
      const broker = new Broker(sys, options.maxEntries ?? DEFAULT_MAX_ENTRIES)
      for (;;) {
        const message = await sys.recv()
        if (isTerm(message)) await sys.exit({ kind: 'shutdown' })
        else broker.take(message)
      }
    },
  }
}

interface Entry {
  readonly owner: Pid
  /** What the owner sent; revoking it takes back every copy. */
  readonly given: CapRef
  /** Its narrowed child, of which lookups get children. */
  readonly handout: CapRef
}

class Broker {
  readonly #sys: Sys
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()

  constructor(sys: Sys, maxEntries: number) {
    this.#sys = sys
    this.#maxEntries = maxEntries
  }

  take(message: Message): void {
    const request = parseRequest(message.body)
    // The last capability of a request is where its answer goes; a registration's first is what it is about.
    const reply = message.caps.at(-1)
    const given = request?.$ === 'name.register' && message.caps.length > 1 ? message.caps[0] : undefined
    this.#drop(message.caps.slice(given ? 1 : 0, reply && request ? -1 : undefined))
    if (!request || !reply) return
    const { body, caps } = this.#serve(request, message.from, given)
    // Never waited for: a client with a full mailbox must not hold up the others.
    answer(this.#sys, message, reply, body, caps).catch((error: unknown) => {
      this.#sys.log('warn', 'answer could not be sent', { to: message.from, error: messageOf(error) })
    })
  }

  #serve(request: Request, from: Pid, given: CapRef | undefined): { body: Answer; caps: readonly CapRef[] } {
    const name = normalName(request.name)
    if (name === undefined) {
      if (given) this.#drop([given])
      const body = refusal('EINVAL', 'a name has 1 to 256 bytes and no control characters')
      return { body, caps: [] }
    }
    if (request.$ === 'name.lookup') return { body: { ok: true }, caps: this.#lookup(name) }
    if (request.$ === 'name.unregister') return { body: this.#unregister(name, from), caps: [] }
    return { body: this.#register(name, from, given, request.rights ?? ['send']), caps: [] }
  }

  #register(name: string, from: Pid, given: CapRef | undefined, rights: readonly Right[]): Answer {
    if (!given) return refusal('EINVAL', 'nothing to register')
    const held = this.#entries.get(name)
    const problem = this.#problemWith(held, from)
    if (problem) {
      this.#drop([given])
      return problem
    }
    let handout: CapRef
    try {
      handout = this.#sys.derive(given, rights)
    } catch (error) {
      this.#drop([given])
      return refusal('EDENIED', messageOf(error))
    }
    if (held) this.#remove(name, held)
    const entry: Entry = { owner: from, given, handout }
    this.#entries.set(name, entry)
    void this.#watch(name, entry)
    return { ok: true }
  }

  #problemWith(held: Entry | undefined, from: Pid): Answer | undefined {
    if (held && held.owner !== from && this.#isAlive(held)) return refusal('EEXIST', 'the name is held')
    if (!held && this.#entries.size >= this.#maxEntries) return refusal('EDENIED', 'the name service is full')
    return undefined
  }

  #unregister(name: string, from: Pid): Answer {
    const held = this.#entries.get(name)
    if (held && held.owner !== from) return refusal('EDENIED', 'the name is held by another process')
    if (held) this.#remove(name, held)
    return { ok: true }
  }

  #lookup(name: string): readonly CapRef[] {
    const held = this.#entries.get(name)
    if (!held) return []
    if (this.#isAlive(held)) return [held.handout]
    this.#remove(name, held)
    return []
  }

  /** A revoked or expired entry shows when something is derived from it; so does one derived too often to go on. */
  #isAlive(entry: Entry): boolean {
    try {
      this.#sys.revoke(this.#sys.derive(entry.handout, []))
      return true
    } catch {
      return false
    }
  }

  /** By the capability, not by pid: only it says which process it leads to. Without monitor right there is nothing to hear. */
  async #watch(name: string, entry: Entry): Promise<void> {
    const reason = await this.#sys.waitpid(entry.given).catch(() => undefined)
    if (reason && this.#entries.get(name) === entry) this.#remove(name, entry)
  }

  #remove(name: string, entry: Entry): void {
    this.#entries.delete(name)
    this.#drop([entry.given])
  }

  #drop(caps: readonly CapRef[]): void {
    for (const cap of caps) {
      try {
        this.#sys.revoke(cap)
      } catch (error) {
        // It died by itself.
        if (codeOf(error) !== 'ECAP') throw error
      }
    }
  }
}

function refusal(code: AnswerCode, message: string): Answer {
  return { ok: false, code, message }
}

const KINDS: readonly unknown[] = ['name.register', 'name.unregister', 'name.lookup']

function parseRequest(body: unknown): Request | undefined {
  if (typeof body !== 'object' || body === null || !('$' in body) || !KINDS.includes(body.$)) return undefined
  if (!('name' in body) || typeof body.name !== 'string') return undefined
  if ('rights' in body && !Array.isArray(body.rights)) return undefined
  return body as Request
}

/** The rule of the kernel's own registry: NFC, 1 to 256 bytes of UTF-8, no control characters. */
function normalName(name: string): string | undefined {
  const normal = name.normalize('NFC')
  let bytes = 0
  for (const char of normal) {
    const code = char.codePointAt(0) ?? 0
    if (code < 32 || (code >= 127 && code < 160)) return undefined
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (bytes > NAME_BYTES) return undefined
  }
  return bytes === 0 ? undefined : normal
}
