/** One key of one scope. `scope` is a screen, a part of one (`ask`, `composer`), or `global`. */
export interface KeyBinding {
  readonly scope: string
  /** `fleet.open`; unique in the table. */
  readonly action: string
  /** Chords such as `Mod+K`, `Shift+N`, `Enter`, `.`; the first is the one shown. */
  readonly keys: readonly string[]
  readonly label: string
  /** Shown in the foot while its scope is the screen's. */
  readonly isInFoot?: boolean
  /** The focused part (grid, tabs) serves it itself; listed so that nothing else takes the key. */
  readonly isNative?: boolean
  /** Holding the key goes on. Everything else acts once per press, so that a held key never confirms. */
  readonly repeats?: boolean
}

/** What of a keyboard event matters. */
export interface KeyPress {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly shiftKey: boolean
}

/** The chord of an event; Command on macOS and Control elsewhere are both `Mod`. */
export function chordOf(event: KeyPress, isMac: boolean): string {
  const isMod = isMac ? event.metaKey : event.ctrlKey
  const isLetter = event.key.length === 1 && event.key !== ' '
  const key = event.key === ' ' ? 'Space' : isLetter ? event.key.toUpperCase() : event.key
  const isSymbol = isLetter && event.key.toUpperCase() === event.key.toLowerCase()
  const parts = [
    isMod ? 'Mod' : '',
    event.altKey ? 'Alt' : '',
    event.shiftKey && !isSymbol ? 'Shift' : '',
    key,
  ]
  return parts.filter((part) => part !== '').join('+')
}

/** The bindings for a chord, innermost scope first. */
export function bindingsFor(
  table: readonly KeyBinding[],
  scopes: readonly string[],
  chord: string,
): readonly KeyBinding[] {
  return scopes.flatMap((scope) => table.filter((one) => one.scope === scope && one.keys.includes(chord)))
}

/** Pairs of actions that share a key in one scope; a table that is right has none. */
export function clashes(table: readonly KeyBinding[]): readonly string[] {
  const seen = new Map<string, string>()
  const found: string[] = []
  for (const { scope, keys, action } of table)
    for (const key of keys) {
      const before = seen.get(`${scope} ${key}`)
      if (before !== undefined) found.push(`${scope}: ${key} means ${before} and ${action}`)
      seen.set(`${scope} ${key}`, action)
    }
  return found
}

const symbols: Readonly<Record<string, string>> = {
  Enter: '↵',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Space: 'Space',
  '-': '−',
}

/** A chord as it is printed on a key: `⌘K` on macOS, `Ctrl K` elsewhere. */
export function printChord(chord: string, isMac: boolean): string {
  const parts = chord === '+' ? ['+'] : chord.split('+').filter((part) => part !== '')
  const printed = parts.map((part) => {
    if (part === 'Mod') return isMac ? '⌘' : 'Ctrl'
    if (part === 'Shift') return isMac ? '⇧' : 'Shift'
    if (part === 'Alt') return isMac ? '⌥' : 'Alt'
    return symbols[part] ?? part
  })
  return printed.join(isMac ? '' : ' ')
}
