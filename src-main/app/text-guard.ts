import type { ActivityBody } from '../contract/activity.ts'

type Piece = Extract<ActivityBody, { kind: 'response' | 'thought' }>

/** Masks one text that comes in pieces: what could become a secret is held back until more is known. */
export interface StreamMask {
  /** What may be stored now of the text so far. */
  push(text: string): string
  /** The rest, when the text does not go on. */
  end(): string
}

/** Keeps one stream mask per message, so that a secret which the stream cut in two is seen whole. */
export function createTextGuard(openMask: () => StreamMask) {
  let open: (Omit<Piece, 'text'> & { readonly mask: StreamMask }) | undefined
  const end = (): Piece[] => {
    const last = open
    open = undefined
    const text = last?.mask.end() ?? ''
    return last && text !== '' ? [{ kind: last.kind, messageId: last.messageId, text }] : []
  }
  return {
    /** Takes a piece; gives what is safe to store now, perhaps nothing. */
    add({ kind, messageId, text }: Piece): Piece[] {
      const before = open && (open.messageId !== messageId || open.kind !== kind) ? end() : []
      open ??= { kind, messageId, mask: openMask() }
      const ready = open.mask.push(text.isWellFormed() ? text : text.toWellFormed())
      return ready === '' ? before : [...before, { kind, messageId, text: ready }]
    },
    /** The message does not go on: gives what is held. */
    end,
  }
}

export type TextGuard = ReturnType<typeof createTextGuard>
