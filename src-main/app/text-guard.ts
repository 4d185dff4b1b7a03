import type { ActivityBody } from '../contract/session.ts'
import { cleanText, type Mask } from './clean.ts'

type Piece = Extract<ActivityBody, { kind: 'response' | 'thought' }>

/** A word longer than this is given out before it ends. */
const longestWord = 4096
/** A fragment shorter than this may be given out before its word ends: too short to be of use as part of a secret. */
const harmless = 12

/**
 * Masks text that comes in pieces. A secret has no white space inside, so each piece is held back from its last white
 * space on until more is known; a secret that was cut in two by the stream is seen whole.
 */
export function createTextGuard(mask: Mask) {
  let open: Omit<Piece, 'text'> | undefined
  let held = ''
  /** The part of the present word that was given out already. */
  let shown = ''

  const clean = (text: string): string => {
    const masked = cleanText(shown + text, mask)
    return masked.startsWith(shown) ? masked.slice(shown.length) : masked
  }
  const give = (text: string): Piece[] => (open && text !== '' ? [{ ...open, text: clean(text) }] : [])
  const end = (): Piece[] => {
    const rest = give(held)
    open = undefined
    held = ''
    shown = ''
    return rest
  }
  return {
    /** Takes a piece; gives what is safe to store now, perhaps nothing. */
    add(piece: Piece): Piece[] {
      const before = open && (open.messageId !== piece.messageId || open.kind !== piece.kind) ? end() : []
      open = { kind: piece.kind, messageId: piece.messageId }
      const text = held + piece.text
      const cut = text.length > longestWord ? text.length : text.search(/\S*$/)
      const ready = give(text.slice(0, cut))
      if (cut > 0) shown = ''
      held = text.slice(cut)
      return [...before, ...ready]
    },
    /** The message does not go on: gives what is held. */
    end,
    /** Nothing came for a while: gives a short fragment out, so that the end of a sentence shows. */
    pause(): Piece[] {
      if (held.length >= harmless) return []
      const rest = give(held)
      shown += held
      held = ''
      return rest
    },
    holds: () => held !== '',
  }
}

export type TextGuard = ReturnType<typeof createTextGuard>
