import { blank, hideKeyForms } from './key-forms.ts'

export interface Mask {
  /** What was added, in that order: another mask that is given all of it hides the same. */
  readonly secrets: readonly string[]
  /** Remembers a secret, and how it looks when it is written in a URL, in JSON or in Base64. */
  add(secret: string): void
  /** The values of a `.env` file that look like secrets, by name or by form. */
  addEnvFile(text: string): void
  mask(text: string): string
  /** Where a tail begins that could be the beginning of a known secret; the length of the text when there is none. */
  heldFrom(text: string): number
  /** Where the known secret begins that a cut at `at` would cut in two; `at` when it would not. */
  wholeAt(text: string, at: number): number
}

/** Shorter ones are words and numbers that stand everywhere; hiding them would hide the text. */
const shortest = 6
const shortestInFile = 8
const mostSecrets = 1000
const longestSecret = 8192

const tellingName = /key|token|secret|pass|pwd|credential|auth|private|dsn|cookie|salt/i

/** Hides known secrets and whatever has the form of a well-known key. */
export function createMask(secrets: readonly string[] = []): Mask {
  const known = new Set<string>()
  const given = new Set<string>()
  let literals: RegExp | undefined
  const remember = (text: string) => {
    if (text.length < shortest || text.length > longestSecret || known.size >= mostSecrets) return
    known.add(text)
    literals = undefined
  }
  const add = (secret: string) => {
    const trimmed = secret.trim()
    if (trimmed.length >= shortest && trimmed.length <= longestSecret && given.size < mostSecrets)
      given.add(trimmed)
    for (const form of formsOf(trimmed)) remember(form)
  }
  for (const secret of secrets) add(secret)
  return {
    get secrets() {
      return [...given]
    },
    add,
    addEnvFile: (text) => {
      for (const value of secretsOf(text)) add(value)
    },
    mask: (text) => {
      literals ??= literalsOf(known)
      return hideKeyForms(known.size === 0 ? text : text.replace(literals, blank))
    },
    heldFrom: (text) => heldFrom(text, known),
    wholeAt: (text, at) => {
      if (known.size === 0) return at
      literals ??= literalsOf(known)
      const from = Math.max(0, at - longestSecret)
      for (const found of text.slice(from, at + longestSecret).matchAll(literals)) {
        const start = from + found.index
        if (start < at && start + found[0].length > at) return start
      }
      return at
    },
  }
}

function formsOf(secret: string): readonly string[] {
  if (secret.length < shortest) return []
  const base64 = Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, '')
  return [secret, encodedUri(secret), JSON.stringify(secret).slice(1, -1), base64]
}

function encodedUri(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    // Half of a surrogate pair can't stand in a URL.
    return text
  }
}

/** Longer ones first, so that a secret which begins with another is hidden whole. */
function literalsOf(known: ReadonlySet<string>): RegExp {
  const escaped = [...known]
    .toSorted((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'))
  return new RegExp(escaped.join('|'), 'g')
}

function heldFrom(text: string, known: ReadonlySet<string>): number {
  let from = text.length
  for (const secret of known) {
    const most = Math.min(secret.length - 1, text.length)
    for (let length = most; length > text.length - from; length -= 1) {
      if (!text.endsWith(secret.slice(0, length))) continue
      from = text.length - length
      break
    }
  }
  return from
}

function secretsOf(envFile: string): readonly string[] {
  return envFile.split(/\r?\n/).flatMap((line) => {
    const [, name = '', rest = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)$/.exec(line) ?? []
    const value = unquoted(rest.trim())
    const isLong = value.length >= shortestInFile
    return isLong && (tellingName.test(name) || looksRandom(value)) ? [value] : []
  })
}

function unquoted(value: string): string {
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"|^'[^']*'/.exec(value) ?? []
  if (quoted !== undefined) return quoted.replaceAll('\\n', '\n').replaceAll('\\"', '"')
  if (value.startsWith("'")) return value.slice(1).split("'")[0] ?? ''
  return value.replace(/\s+#.*$/, '')
}

/** One long word with letters and digits in it, and no path, address or version. */
function looksRandom(value: string): boolean {
  return (
    /^[\w+=.~-]{16,}$/.test(value) && /\d/.test(value) && /[A-Za-z]/.test(value) && !/^v?\d+\.\d+/.test(value)
  )
}
