import type { ProcessImage, Sys } from '../../kernel/abi.ts'
import { perform } from './calls.ts'
import { CapIndex } from './cap-index.ts'
import type { GuestLink } from './guest-link.ts'
import { type CallMessage, MAX_MESSAGE_CHARS, parseGuestMessage } from './guest-message.ts'
import { Holdings } from './holdings.ts'
import { encodeText } from './text-codec.ts'

/** Calls of a guest that are made and not answered yet; more is a flood. */
const MAX_PENDING = 10_000
/** Longest error message that a guest is told. */
const MAX_WORDS = 2000
/** Calls that are made before others get a turn; a time slice of the kernel is as long. */
const CALLS_PER_TURN = 64
const MAX_START_CHARS = 3 * MAX_MESSAGE_CHARS
/** Longest time from starting a guest's thread or process until it is there. */
const START_MS = 30_000

export interface MonitorOptions {
  readonly allow: ReadonlySet<string>
  /** How long a guest may compute before it has to fall silent again. */
  readonly timeoutMs: number
  /** Keeps virtual time from passing while the guest computes; returns how to let go. */
  readonly holdTime: () => () => void
  /** How much the kernel may keep on the guest's behalf, as text. */
  readonly maxHeldChars: number
  readonly image: (code: string) => ProcessImage
}

/** One reply: id, whether it went well, and the value or error as JSON. */
type Reply = readonly [number, boolean, string]

const OUT_OF_MEMORY = 'the sandbox ran out of memory'
const OUT_OF_TURN = 'the sandbox spoke out of turn'

/**
 * The reference monitor of one guest: the only way from what it says to system calls. It works in steps, start or
 * replies down, calls and then silence up; a guest that speaks out of turn, in another form, calls what it may not,
 * piles up calls, or does not fall silent in time ends the process. Whatever happens out there, only allowed calls
 * are made here, with the process's own capabilities and budget.
 */
export class Monitor {
  readonly #sys: Sys
  readonly #options: MonitorOptions
  readonly #caps = new CapIndex()
  readonly #holdings: Holdings
  readonly #done = Promise.withResolvers<void>()
  #link: GuestLink | undefined
  #watchdog: NodeJS.Timeout | undefined
  #letGo: (() => void) | undefined
  #start: string | undefined
  #isStepping = false
  #isOver = false
  #lastId = 0
  #unanswered = 0
  #calls: CallMessage[] = []
  #replies: Reply[] = []
  #end: { readonly fault: string | null } | undefined

  constructor(sys: Sys, options: MonitorOptions) {
    this.#sys = sys
    this.#options = options
    this.#holdings = new Holdings(options.maxHeldChars)
  }

  /** Runs the guest to its end; rejects when it faults or has to be ended. */
  run(link: GuestLink, code: string, args: unknown): Promise<void> {
    this.#link = link
    const calls = JSON.stringify([...this.#options.allow])
    this.#start = `b{"code":${JSON.stringify(code)},"calls":${calls},"args":${encodeText(args, MAX_START_CHARS)}}`
    if (this.#start.length > MAX_START_CHARS)
      throw new TypeError('code and arguments are too large for a sandbox')
    this.#hold()
    this.#watch(START_MS, 'the sandbox did not start')
    return this.#done.promise
  }

  /** Ends the guest, whatever it is doing. Idempotent. */
  close(): void {
    this.#isOver = true
    clearTimeout(this.#watchdog)
    this.#letGo?.()
    this.#letGo = undefined
    this.#link?.terminate()
  }

  /** Takes anything the far side sends. */
  heard(message: unknown): void {
    if (this.#isOver) return
    const breach = this.#take(message)
    if (breach !== undefined) this.#kill(breach)
  }

  /** Says what is wrong with a message, or nothing. */
  #take(message: unknown): string | undefined {
    const parsed = parseGuestMessage(message)
    if (!parsed) return 'the sandbox sent a malformed message'
    if (parsed.kind === 'ready') return this.#begin()
    if (!this.#isStepping) return OUT_OF_TURN
    if (parsed.kind === 'idle') {
      this.#silent()
      return undefined
    }
    if (this.#end) return OUT_OF_TURN
    if (parsed.kind === 'end') {
      this.#end = parsed
      return undefined
    }
    if (parsed.id <= this.#lastId) return 'the sandbox reused a call number'
    this.#lastId = parsed.id
    if (++this.#unanswered > MAX_PENDING) return 'the sandbox flooded its monitor with calls'
    this.#holdings.asked(parsed.id, parsed.chars)
    if (this.#holdings.isOver) return OUT_OF_MEMORY
    if (parsed.kind === 'call' && !this.#options.allow.has(parsed.name))
      return 'the sandbox made a call that it may not make'
    this.#calls.push(parsed)
    return undefined
  }

  ended(why: string): void {
    this.#kill(why)
  }

  #kill(why: string): void {
    if (this.#isOver) return
    this.close()
    this.#done.reject(new Error(why))
  }

  #hold(): void {
    this.#letGo ??= this.#options.holdTime()
  }

  #watch(ms: number, why: string): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = setTimeout(() => this.#kill(why), ms)
  }

  #step(text: string): void {
    this.#isStepping = true
    this.#hold()
    this.#watch(this.#options.timeoutMs, 'the sandbox did not answer in time')
    this.#link?.send(text)
  }

  #begin(): string | undefined {
    const start = this.#start
    if (start === undefined) return OUT_OF_TURN
    this.#start = undefined
    this.#step(start)
    return undefined
  }

  /** The guest has run to where it waits. What it asked is done in its own turn, so that a stopped process does nothing. */
  #silent(): void {
    this.#isStepping = false
    clearTimeout(this.#watchdog)
    if (this.#calls.length > 0 || this.#end) this.#queueTurn()
    // With a turn to come the process is queued, which holds virtual time by itself.
    this.#letGo?.()
    this.#letGo = undefined
    this.#flush()
  }

  #queueTurn(): void {
    this.#sys
      .yield()
      .then(() => this.#turn())
      .catch(() => this.#kill('the sandbox lost its turn'))
  }

  /** Makes some of the calls, then lets others run: thousands at once would hold the main thread. */
  #turn(): void {
    if (this.#isOver) return
    const some = this.#calls.slice(0, CALLS_PER_TURN)
    this.#calls = this.#calls.slice(CALLS_PER_TURN)
    for (const call of some) if (!this.#isOver) this.#perform(call)
    if (this.#isOver) return
    if (this.#calls.length > 0) this.#queueTurn()
    else if (this.#end) this.#finish(this.#end.fault)
    else this.#flush()
  }

  #finish(fault: string | null): void {
    this.close()
    if (fault === null) this.#done.resolve()
    else this.#done.reject(new Error(fault))
  }

  #perform(call: CallMessage): void {
    const failed = (error: unknown): void => this.#reply([call.id, false, errorText(error)])
    const answered = (value: unknown): void => {
      try {
        this.#reply([call.id, true, encodeText(value, MAX_MESSAGE_CHARS)])
      } catch (error) {
        failed(error)
      }
    }
    try {
      const result = this.#invoke(call)
      if (result instanceof Promise) result.then(answered, failed)
      else answered(result)
    } catch (error) {
      failed(error)
    }
  }

  #invoke(call: CallMessage): unknown {
    if (call.kind === 'unreadable') throw new TypeError(call.why)
    const { image } = this.#options
    const { chars, args } = call
    const [caps, holdings] = [this.#caps, this.#holdings]
    return perform(call.name, { sys: this.#sys, caps, holdings, chars, args, image })
  }

  /** Replies that come together go down together. */
  #reply(reply: Reply): void {
    if (this.#isOver) return
    this.#unanswered--
    this.#holdings.answered(reply[0])
    if (this.#holdings.isOver) this.#kill(OUT_OF_MEMORY)
    this.#replies.push(reply)
    if (this.#replies.length === 1) queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#isOver || this.#isStepping || this.#calls.length > 0 || this.#end) return
    if (this.#replies.length === 0) return
    const list: string[] = []
    let chars = 0
    for (const [id, ok, text] of this.#replies) {
      chars += text.length
      if (list.length > 0 && chars > MAX_MESSAGE_CHARS) break
      list.push(`[${id},${ok},${text}]`)
    }
    this.#replies = this.#replies.slice(list.length)
    this.#step(`s[${list.join(',')}]`)
  }
}

/** Errors as a guest sees them: the code and the words, no object. */
function errorText(error: unknown): string {
  const isError = error instanceof Error
  const code = isError && 'code' in error && typeof error.code === 'string' ? error.code : 'EINVAL'
  return JSON.stringify({ code, message: isError ? error.message.slice(0, MAX_WORDS) : 'failed' })
}
