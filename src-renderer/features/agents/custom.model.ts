/** What a person typed to describe an agent of their own. */
export interface Draft {
  readonly name: string
  readonly command: string
  readonly env: string
  readonly hosts: string
}

export const emptyDraft: Draft = { name: '', command: '', env: '', hosts: '' }

export type Parsed =
  | {
      readonly ok: true
      readonly value: {
        name: string
        file: string
        args: string[]
        env: Record<string, string>
        hosts: string[]
      }
    }
  | { readonly ok: false; readonly reason: string }

const no = (reason: string): Parsed => ({ ok: false, reason })

/** Reads a draft; the first thing wrong is said in a sentence. */
export function parseDraft(draft: Draft): Parsed {
  const name = draft.name.trim()
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name))
    return no('The name needs lower-case letters, digits and hyphens, and starts with a letter.')
  const words = splitWords(draft.command)
  if (words === null) return no('A quote in the command is not closed.')
  const [file, ...args] = words
  if (file === undefined) return no('The command is missing.')
  const env: Record<string, string> = {}
  for (const line of draft.env.split('\n').filter((one) => one.trim() !== '')) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line)
    if (!match?.[1]) return no(`“${line.trim()}” is not NAME=value.`)
    env[match[1]] = match[2] ?? ''
  }
  const hosts = draft.hosts.split(/[\s,]+/).filter((one) => one !== '')
  const wrong = hosts.find((one) => !/^[A-Za-z0-9.*-]+:\d{1,5}$/.test(one))
  if (wrong !== undefined) return no(`“${wrong}” is not host:port.`)
  return { ok: true, value: { name, file, args, env, hosts } }
}

/** Words of a command line with plain and double quotes; null when one is not closed. Nothing is expanded. */
export function splitWords(text: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  let quote: string | null = null
  for (const character of text) {
    if (quote !== null) {
      if (character === quote) quote = null
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + character
  }
  if (quote !== null) return null
  if (word !== null) words.push(word)
  return words
}
