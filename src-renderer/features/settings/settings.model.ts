/** A command as words, one per space; null when empty, undefined when it cannot be read. */
export function parseCommand(text: string): string[] | null | undefined {
  const words = text.trim().match(/"[^"]*"|[^\s"]+/g)
  if (text.trim() === '') return null
  if (!words || (text.match(/"/g)?.length ?? 0) % 2 === 1) return undefined
  return words.map((word) => word.replaceAll('"', ''))
}

/** The words as one line, quoted where a word holds a space. */
export function commandText(command: readonly string[] | null): string {
  return (command ?? []).map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' ')
}
