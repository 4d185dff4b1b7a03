import { blank, blockEnd, blockStart, firstAt } from './key-forms.ts'
import type { Mask } from './mask.ts'

export interface StreamMask {
  /** What may be shown now of the text so far; a tail that could become a secret is held back. */
  push(text: string): string
  /** The end of the stream: the rest. */
  end(): string
}

/** The most that is held; a longer word is shown in parts, hidden from where it looks like a key. */
const mostHeld = 16_384
const overlap = 8192
const blockTail = 100
const keyLetters = /^[\w.~+/=-]*/
/** The word before a token: without it the token would not be known for one. */
const openBearer = /(?<![A-Za-z])bearer\s{1,4}$/i
/** The first line of a private key that is not whole yet. */
const openHeader = /-----BEGIN [A-Z0-9 ]{0,60}-{0,5}$/

/** Masks a text that comes in pieces as if it had come at once. Holds at most 16 Ki characters. */
export function createStreamMask(mask: Mask): StreamMask {
  let held = ''
  /** Inside a private key all is dropped until its last line; inside an endless key until another kind of letter. */
  let inside: 'text' | 'block' | 'key' = 'text'
  const shown = (): string => {
    let out = ''
    for (;;) {
      if (inside === 'block') {
        const end = firstAt(blockEnd, held, 0)
        held = end ? held.slice(end.index + end.length) : held.slice(-blockTail)
        if (!end) return out
        inside = 'text'
      }
      if (inside === 'key') {
        held = held.replace(keyLetters, '')
        if (held === '') return out
        inside = 'text'
      }
      const start = firstAt(blockStart, held, 0)
      if (!start) return out + cut()
      out += mask.mask(held.slice(0, start.index)) + blank
      held = held.slice(start.index + start.length)
      inside = 'block'
    }
  }
  const cut = (): string => {
    const at = safeCut(held, mask)
    if (held.length - at <= mostHeld) return take(at)
    const masked = mask.mask(held)
    if (!masked.endsWith(blank)) return take(Math.max(at, held.length - overlap))
    held = ''
    inside = 'key'
    return masked
  }
  const take = (at: number): string => {
    const ready = held.slice(0, at)
    held = held.slice(at)
    return mask.mask(ready)
  }
  return {
    push: (text) => {
      held += text
      return shown()
    },
    end: () => {
      const rest = inside === 'text' ? mask.mask(held) : ''
      held = ''
      inside = 'text'
      return rest
    },
  }
}

/** How often the cut is moved back for one reason after another; more only happens in made-up text. */
const mostMoves = 4

/** Up to here nothing can become part of a secret: the beginning of the last word, or of what reaches over words. */
function safeCut(text: string, mask: Mask): number {
  const header = openHeader.exec(text.slice(-120))
  let at = Math.min(mask.heldFrom(text), text.length - (header?.[0].length ?? 0))
  for (let move = 0; move < mostMoves; move += 1) {
    const earlier = mask.wholeAt(text, beforeBearer(text, wordStart(text, at)))
    if (earlier === at) break
    at = earlier
  }
  return at
}

function wordStart(text: string, from: number): number {
  let at = from
  while (at > 0 && text.length - at <= mostHeld && !/\s/.test(text.charAt(at - 1))) at -= 1
  return at
}

function beforeBearer(text: string, at: number): number {
  const from = Math.max(0, at - 12)
  const open = openBearer.exec(text.slice(from, at))
  return open ? from + open.index : at
}
