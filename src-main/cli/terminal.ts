/** A whole terminal window, drawn anew in place. */
export interface Screen {
  size(): { readonly columns: number; readonly rows: number }
  /** Replaces what is shown; lines that are too long or too many are cut. */
  draw(lines: readonly string[]): void
  /** Calls `listener` with each key, one that is a sequence (an arrow) in one piece; returns how to stop that. */
  onKey(listener: (key: string) => void): () => void
  /** Gives the window back as it was. */
  close(): void
}

/** Where the command line writes; a test gives its own. */
export interface Terminal {
  out(line: string): void
  err(line: string): void
  /** Raw, without a line end. */
  write(text: string): void
  readonly isJson: boolean
  readonly hasColour: boolean
  /** Characters in a line of the window; absent where a program reads, which wants everything. */
  readonly columns?: number | undefined
  /** Asks one line; undefined when there is nobody to ask. */
  ask(question: string): Promise<string | undefined>
  /** Takes the whole window; undefined where no person sits at a terminal. */
  openScreen(): Screen | undefined
}

type Tone = 'clear' | 'caution' | 'danger' | 'idle' | 'accent' | 'bold'
const codes: Readonly<Record<Tone, string>> = {
  clear: '32',
  caution: '33',
  danger: '31',
  idle: '2',
  accent: '34',
  bold: '1',
}

export function paint(terminal: Terminal, tone: Tone, words: string): string {
  return terminal.hasColour ? `\u001b[${codes[tone]}m${words}\u001b[0m` : words
}

/**
 * Makes text of agents and repositories safe for a terminal: control characters (escape sequences with them) and
 * characters that change the direction of text are shown as their code; line feeds and tabs stay.
 */
export function visible(words: string): string {
  return words.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters to be made visible
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/** One line, at most `width` characters, cut at the end. */
export function oneLine(words: string, width: number): string {
  const flat = visible(words).replace(/\s+/g, ' ').trim()
  return flat.length <= width ? flat : `${flat.slice(0, width - 1)}…`
}

export function formatUsd(nanos: number | null): string {
  if (nanos === null) return '—'
  const usd = nanos / 1_000_000_000
  return `$${usd.toFixed(usd >= 1 || usd === 0 ? 2 : 4)}`
}

export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`
}

/** A plain table: columns as wide as their widest cell, the last one free. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
