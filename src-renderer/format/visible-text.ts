/**
 * Everything an agent, a repository or another machine produced is shown as text, with what would hide or reorder it made
 * visible: control characters as escapes that every font has, bidirectional and zero-width marks by name.
 */
const named: Readonly<Record<string, string>> = {
  '\u00ad': 'SHY',
  '\u061c': 'ALM',
  '\u180e': 'MVS',
  '\u200b': 'ZWSP',
  '\u200e': 'LRM',
  '\u200f': 'RLM',
  '\u202a': 'LRE',
  '\u202b': 'RLE',
  '\u202c': 'PDF',
  '\u202d': 'LRO',
  '\u202e': 'RLO',
  '\u2028': 'LS',
  '\u2029': 'PS',
  '\u2060': 'WJ',
  '\u2066': 'LRI',
  '\u2067': 'RLI',
  '\u2068': 'FSI',
  '\u2069': 'PDI',
  '\ufeff': 'BOM',
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Control characters (Cc), and the marks above with the invisible tag characters. */
const hidden =
  /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu
const escapeCharacter = String.fromCodePoint(0x1b)
const colours = new RegExp(`${escapeCharacter}\\[[0-9;]{0,32}m`, 'g')

function picture(character: string): string {
  const name = named[character]
  if (name) return `⟦${name}⟧`
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20 || code === 0x7f) return escapes[character] ?? `\\x${code.toString(16).padStart(2, '0')}`
  return `⟦U+${code.toString(16).toUpperCase().padStart(4, '0')}⟧`
}

/** One line of foreign text: line breaks and tabs show too. */
export function visibleLine(text: string): string {
  return text.replace(hidden, picture)
}

/** Foreign text of several lines: line feeds and tabs stay, `\r\n` counts as one break, colour codes of terminals go. */
export function visibleText(text: string): string {
  return text
    .replace(colours, '')
    .replaceAll('\r\n', '\n')
    .replace(hidden, (one) => (one === '\n' || one === '\t' ? one : picture(one)))
}

/** Cuts in the middle, where paths and ids differ least; `max` counts code units and is at least 5. */
export function cutMiddle(text: string, max: number): string {
  if (text.length <= max) return text
  const keep = Math.max(4, max - 1)
  const head = Math.ceil(keep / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (keep - head))}`
}

/** A hash short enough to compare by eye: `4be1…90c2`. */
export function shortHash(hash: string): string {
  const bare = hash.replace(/^sha256:/, '')
  return bare.length <= 9 ? bare : `${bare.slice(0, 4)}…${bare.slice(-4)}`
}

/** Folder (with its slash) and name of a path. */
export function splitPath(path: string): { folder: string; name: string } {
  const cut = path.lastIndexOf('/') + 1
  return { folder: path.slice(0, cut), name: path.slice(cut) }
}

/** A word of a command line as it could be typed; quoting shows where one argument ends. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word
  return `'${visibleLine(word).replaceAll("'", `'\\''`)}'`
}
