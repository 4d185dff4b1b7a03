import type { Socket } from 'node:net'
import type { SealedEnvelope } from '../../kernel/envelope.ts'
import type { IngressAnswer } from '../../kernel/routes.ts'
import { type ByteBudget, encodeFrame, FrameReader, MAX_FRAME_BYTES } from './framing.ts'

/**
 * One connection between two kernels. Either end may send envelopes; each is answered with what became of it. The link
 * believes nothing: envelopes are verified by the kernel behind it, answers by the kernel that asked.
 */

/** What a kernel says to an envelope: its answer, or on its own authority just whether it was delivered. */
export type LinkHandler = (envelope: unknown, link: TcpLink) => IngressAnswer | boolean

export interface LinkOptions {
  /** Ends a connection on which no frame was completed for so long, half-frames included. Default 60,000. */
  readonly idleMs?: number
  /** How long an envelope waits for its answer before its sender is told that nobody knows. Default 2,000. */
  readonly answerMs?: number
  readonly maxFrameBytes?: number
}

/** The connection failed. `isUnsent` when not a byte of the envelope left this machine. */
export class LinkError extends Error {
  readonly code: 'E_LINK_CLOSED' | 'E_NO_ANSWER' | 'E_LINK_BUSY' | 'E_NOT_CONNECTED' | 'E_TOO_LONG'
  readonly isUnsent: boolean

  constructor(code: LinkError['code'], isUnsent: boolean, options?: ErrorOptions) {
    super(MESSAGES[code], options)
    this.name = 'LinkError'
    this.code = code
    this.isUnsent = isUnsent
  }
}

const MESSAGES: Record<LinkError['code'], string> = {
  E_LINK_CLOSED: 'connection was closed',
  E_NO_ANSWER: 'no answer in time',
  E_LINK_BUSY: 'too much waits on this connection',
  E_NOT_CONNECTED: 'no connection',
  E_TOO_LONG: 'envelope is longer than a frame may be',
}

const DEFAULT_IDLE_MS = 60_000
const DEFAULT_ANSWER_MS = 2_000
/** Envelopes that wait for an answer at once. */
const MAX_PENDING = 1024
/** Unwritten bytes past which the peer is not listened to, and past which nothing more is taken from our own side. */
const PAUSE_BYTES = 1024 * 1024
const MAX_UNWRITTEN_BYTES = 2 * MAX_FRAME_BYTES
/** Refused envelopes in a row after which the peer has the wrong key, or is no kernel. */
const MAX_REFUSED = 16

/** Longer ones are nobody's, and would make answers larger than questions. */
const MAX_NONCE_CHARS = 64

interface Pending {
  readonly resolve: (answer: IngressAnswer) => void
  readonly reject: (error: LinkError) => void
  readonly timer: NodeJS.Timeout
}

export class TcpLink {
  readonly #socket: Socket
  readonly #handler: LinkHandler | undefined
  readonly #reader: FrameReader
  readonly #pending = new Map<string, Set<Pending>>()
  readonly #maxFrameBytes: number
  readonly #answerMs: number
  readonly #idleTimer: NodeJS.Timeout
  #pendingCount = 0
  #refused = 0
  #isClosed = false

  constructor(
    socket: Socket,
    options: LinkOptions & { readonly handler?: LinkHandler | undefined; readonly budget?: ByteBudget },
  ) {
    this.#socket = socket
    this.#handler = options.handler
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES
    this.#answerMs = options.answerMs ?? DEFAULT_ANSWER_MS
    this.#reader = new FrameReader({
      maxBytes: this.#maxFrameBytes,
      ...(options.budget ? { budget: options.budget } : {}),
      evicted: () => this.close(),
    })
    this.#idleTimer = setTimeout(() => this.close(), options.idleMs ?? DEFAULT_IDLE_MS)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('drain', () => this.#resume())
    // The close that follows tells the waiting senders.
    socket.on('error', () => undefined)
    socket.on('close', () => this.close())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends an envelope and resolves with the peer's answer, unverified. Rejects with LinkError. */
  readonly forward = async (envelope: SealedEnvelope): Promise<IngressAnswer> => {
    if (this.#isClosed) throw new LinkError('E_LINK_CLOSED', true)
    if (this.#pendingCount >= MAX_PENDING || this.#socket.writableLength > MAX_UNWRITTEN_BYTES) {
      throw new LinkError('E_LINK_BUSY', true)
    }
    const frame = this.#framed(envelope)
    return new Promise((resolve, reject) => {
      const waiting = this.#pending.get(envelope.nonce) ?? new Set<Pending>()
      const settled = (): void => {
        clearTimeout(timer)
        if (!waiting.delete(pending)) return
        this.#pendingCount--
        if (waiting.size === 0) this.#pending.delete(envelope.nonce)
      }
      const timer = setTimeout(() => pending.reject(new LinkError('E_NO_ANSWER', false)), this.#answerMs)
      const pending: Pending = {
        timer,
        resolve: (answer) => {
          settled()
          resolve(answer)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      }
      waiting.add(pending)
      this.#pending.set(envelope.nonce, waiting)
      this.#pendingCount++
      this.#idleTimer.refresh()
      this.#socket.write(frame)
    })
  }

  /** Ends the connection at once. Who waits for an answer learns that nobody knows. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#idleTimer)
    this.#reader.close()
    this.#socket.destroy()
    for (const waiting of [...this.#pending.values()]) {
      for (const pending of [...waiting]) pending.reject(new LinkError('E_LINK_CLOSED', false))
    }
  }

  #framed(envelope: SealedEnvelope): Buffer {
    try {
      return encodeFrame(envelope, this.#maxFrameBytes)
    } catch (cause) {
      // Nothing of it left, and its sender may be told so.
      throw new LinkError('E_TOO_LONG', true, { cause })
    }
  }

  #received(chunk: Buffer): void {
    this.#read(() => this.#reader.push(chunk))
  }

  /** The peer has read its answers: what it sent meanwhile is next. */
  #resume(): void {
    if (!this.#socket.isPaused()) return
    this.#socket.resume()
    this.#read(() => this.#reader.values())
  }

  #read(values: () => Iterable<unknown>): void {
    if (this.#isClosed) return
    try {
      for (const value of values()) {
        this.#idleTimer.refresh()
        this.#take(value)
        if (this.#isClosed || this.#socket.isPaused()) return
      }
    } catch {
      // Oversize, no JSON, or too much of it: behind that nothing can be told apart.
      this.close()
    }
  }

  #take(value: unknown): void {
    const answer = answerIn(value)
    if (answer) {
      for (const pending of [...(this.#pending.get(answer.nonce) ?? [])]) pending.resolve(answer)
      return
    }
    const { nonce, ...said } = this.#ask(value)
    this.#refused = said.result === 'bad_mac' ? this.#refused + 1 : 0
    this.#socket.write(encodeFrame({ answer: { nonce, ...said } }))
    if (this.#refused >= MAX_REFUSED) this.#socket.destroySoon()
    else if (this.#socket.writableLength > PAUSE_BYTES) this.#socket.pause()
  }

  #ask(value: unknown): IngressAnswer {
    const said = this.#handler?.(value, this) ?? false
    if (typeof said !== 'boolean') return said
    return { nonce: nonceOf(value), result: said ? 'ok' : 'bad_mac' }
  }
}

/** The answer in a frame, as far as its shape goes; undefined when it holds something else. */
function answerIn(value: unknown): IngressAnswer | undefined {
  const answer = typeof value === 'object' && value !== null && 'answer' in value ? value.answer : undefined
  if (typeof answer !== 'object' || answer === null) return undefined
  const { nonce, result } = answer as Partial<IngressAnswer>
  return typeof nonce === 'string' && typeof result === 'string' ? (answer as IngressAnswer) : undefined
}

function nonceOf(value: unknown): string {
  const nonce = typeof value === 'object' && value !== null && 'nonce' in value ? value.nonce : undefined
  return typeof nonce === 'string' && nonce.length <= MAX_NONCE_CHARS ? nonce : ''
}
