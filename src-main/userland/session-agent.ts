import type { BootGrant, Message, ProcessImage, Sys } from '../kernel/abi.ts'
import type { CapRef } from '../kernel/ids.ts'
import { fromKernel, isTerm } from './signals.ts'

/** How a session process is told what to run. */
export interface SessionArgs {
  /** Name of its runtime device among those it was granted. */
  readonly runtime: string
  /** What the runtime's device is opened with. */
  readonly open?: unknown
  /** First turn's request, passed to the runtime as it is. */
  readonly prompt: unknown
}

/** Host message with a follow-up; turns are taken in the order of arrival. */
export interface PromptMessage {
  readonly $: 'prompt'
  readonly prompt: unknown
}

/** What the runtime's device reads for one turn. */
export interface TurnRequest {
  readonly prompt: unknown
  /** Counts from 1. */
  readonly turn: number
}

/** What the runtime's device reads when no prompt is in the mailbox: whether one is on its way. */
export interface EndRequest {
  readonly $: 'end'
}

/** The answer; anything else counts as yes. False: a prompt was posted and will be there in a moment. */
export interface EndAnswer {
  readonly mayEnd: boolean
}

/** True of what a session reads when it wants to end. */
export function isEndRequest(request: unknown): request is EndRequest {
  return typeof request === 'object' && request !== null && Reflect.get(request, '$') === 'end'
}

/**
 * The body of a session process. It opens its runtime, takes one turn after another, and ends when no prompt waits and
 * its runtime agrees, which from then on accepts none.
 * A term message is heard while a turn runs: it ends the process with `shutdown`, and with it the runtime's handle.
 * A turn that fails ends it with fault and the turn's message.
 */
export function sessionAgent(name = 'session'): ProcessImage {
  return {
    name,
    async main(sys, args) {
      const { runtime, open, prompt } = args as SessionArgs
      const inbox = new Inbox(sys)
      const device = await inbox.device(runtime)
      const handle = await sys.open(device, open)
      inbox.listen()
      let next: unknown = prompt
      for (let turn = 1; ; turn++) {
        const request: TurnRequest = { prompt: next, turn }
        await sys.read(handle, request)
        const waiting = (await inbox.next()) ?? (await lastChance(sys, handle, inbox))
        if (!waiting) return
        next = waiting.prompt
      }
    },
  }
}

/** The prompt that was posted while nobody looked; undefined: the session may end. */
async function lastChance(sys: Sys, handle: CapRef, inbox: Inbox): Promise<PromptMessage | undefined> {
  const asked: EndRequest = { $: 'end' }
  const answer = await sys.read<Partial<EndAnswer> | null>(handle, asked)
  if (answer?.mayEnd !== false) return undefined
  for (;;) {
    const waiting = await inbox.next()
    if (waiting) return waiting
  }
}

/** The session's mailbox: keeps prompts in order, and obeys a genuine term at any moment. */
class Inbox {
  readonly #sys: Sys
  readonly #prompts: PromptMessage[] = []

  constructor(sys: Sys) {
    this.#sys = sys
  }

  /** Reads the boot grant, which the kernel puts first, and picks a device from it. */
  async device(name: string): Promise<CapRef> {
    const device = fromKernel<BootGrant>(await this.#sys.recv(), 'boot')?.devices[name]
    if (!device) throw new Error(`session was not granted ${name}`)
    return device
  }

  /** Hears the mailbox while turns run. It parks in `recv` for as long as the process lives. */
  listen(): void {
    const hear = async (): Promise<void> => {
      for (;;) await this.#take(await this.#sys.recv())
    }
    // A recv never fails without a timeout, and an ended process's never settles.
    void hear()
  }

  /**
   * The oldest waiting prompt. Yields first: what arrived during the turn is then in `#prompts`, because the listener's
   * completions are dispatched before this call's.
   */
  async next(): Promise<PromptMessage | undefined> {
    await this.#sys.yield()
    return this.#prompts.shift()
  }

  async #take(message: Message): Promise<void> {
    if (isTerm(message)) await this.#sys.exit({ kind: 'shutdown' })
    const prompt = fromKernel<PromptMessage>(message, 'prompt')
    if (prompt) this.#prompts.push(prompt)
  }
}
