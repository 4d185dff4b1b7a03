import { decodeTree } from './text-codec.ts'

/** Longest message a guest may send, in characters; the side of the guest holds the same bound. */
export const MAX_MESSAGE_CHARS = 1 << 20
const MAX_WORDS = 1000

/** What a guest's message says. */
export type GuestMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'end'; readonly fault: string | null }
  | CallMessage

/** A call, or one whose shape is right but whose values no guest's codec writes: that is refused, not punished. */
export type CallMessage = {
  readonly id: number
  /** Length of its text. */
  readonly chars: number
} & (
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'unreadable'; readonly why: string }
)

/** Reads what came from the far side, which may be anything at all. Undefined: no message of ours. */
export function parseGuestMessage(message: unknown): GuestMessage | undefined {
  if (typeof message !== 'string' || message.length > MAX_MESSAGE_CHARS) return undefined
  if (message === 'r') return { kind: 'ready' }
  if (message === 'i') return { kind: 'idle' }
  const tree = parseJson(message.slice(1))
  if (tree === undefined) return undefined
  if (message.startsWith('c')) return parseCall(tree, message.length)
  if (!message.startsWith('e')) return undefined
  const { fault } = tree
  if (fault !== null && typeof fault !== 'string') return undefined
  return { kind: 'end', fault: fault === null ? null : fault.slice(0, MAX_WORDS) }
}

function parseCall({ id, call, args }: Record<string, unknown>, chars: number): CallMessage | undefined {
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1) return undefined
  if (typeof call !== 'string' || !Array.isArray(args)) return undefined
  try {
    return { kind: 'call', id, chars, name: call, args: args.map(decodeTree) }
  } catch (error) {
    return { kind: 'unreadable', id, chars, why: error instanceof Error ? error.message : 'unreadable' }
  }
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const tree: unknown = JSON.parse(text)
    return typeof tree === 'object' && tree !== null && !Array.isArray(tree)
      ? (tree as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
