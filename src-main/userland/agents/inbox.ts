import type { Message, Sys } from '../../kernel/abi.ts'
import { isTerm } from '../signals.ts'

/** Messages kept aside before the mailbox is left to fill, which then holds back its senders. */
const MAX_WAITING = 64

/** A mailbox that is heard while its owner is busy elsewhere. */
export interface Inbox {
  /** The oldest message that is not the kernel's Term. */
  next(): Promise<Message>
}

/**
 * Listens beside the body, so that Term ends the process with `shutdown` at any moment, also in the middle of a call to
 * a model or a tool; what was started there completes and is paid for. The process must not call `recv` itself. Term
 * behind more messages than are kept aside is heard when its owner takes one.
 */
export function createInbox(sys: Sys): Inbox {
  const waiting: Message[] = []
  let taken: (() => void) | undefined
  let arrived: (() => void) | undefined
  const listen = async (): Promise<void> => {
    for (;;) {
      const message = await sys.recv()
      if (isTerm(message)) await sys.exit({ kind: 'shutdown' })
      waiting.push(message)
      arrived?.()
      if (waiting.length < MAX_WAITING) continue
      await new Promise<void>((resolve) => {
        taken = resolve
      })
    }
  }
  // A recv without a timeout never fails, and a dead process's never settles.
  void listen()
  return {
    async next() {
      for (;;) {
        const message = waiting.shift()
        if (message) {
          taken?.()
          return message
        }
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
      }
    },
  }
}
