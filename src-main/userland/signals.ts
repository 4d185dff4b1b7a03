import type { Down, ExitReason, Message, Term } from '../kernel/abi.ts'

/**
 * Tells the kernel's own messages from look-alikes. The sender's pid is stamped by the kernel, so 0 can't be claimed by
 * a process here; a message from another machine also arrives with 0, but says so.
 */
export function isFromKernel(message: Message): boolean {
  return message.from === 0 && message.remote === undefined
}

function kindOf(message: Message): unknown {
  const { body } = message
  return typeof body === 'object' && body !== null && '$' in body ? body.$ : undefined
}

/** The kernel's message of the given kind (`$`), undefined for any other and for a look-alike of it. */
export function fromKernel<T extends { readonly $: string }>(message: Message, kind: T['$']): T | undefined {
  // The kernel makes these bodies: one of its kinds has that kind's fields.
  return isFromKernel(message) && kindOf(message) === kind ? (message.body as T) : undefined
}

/** Whether this asks the receiver to wind down. */
export function isTerm(message: Message): boolean {
  return fromKernel<Term>(message, 'term') !== undefined
}

/** The end of a watched process that this message tells of. */
export function downOf(message: Message): Down | undefined {
  return fromKernel<Down>(message, 'down')
}

/** Whether a process ended because it was done or asked to, as opposed to having failed. */
export function isOrderly(reason: ExitReason): boolean {
  return reason.kind === 'normal' || reason.kind === 'shutdown'
}
