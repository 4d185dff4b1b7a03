/** What stands in the place of a secret. */
export const blank = '***'

/**
 * Keys that can be told by their form alone. Each expression begins where no character of its own alphabet stands before
 * it, and its parts do not overlap, so that every text is read in linear time.
 */
const forms: readonly RegExp[] = [
  /(?<![\w-])sk-[\w-]{16,}/g,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{20,}/g,
  /(?<![A-Za-z0-9_])github_pat_\w{22,}/g,
  /(?<![\w-])glpat-[\w-]{20,}/g,
  /(?<![A-Za-z0-9-])xox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /(?<![\w-])AIza[\w-]{35}/g,
  /(?<![A-Za-z0-9_])(?:npm|hf)_[A-Za-z0-9]{30,}/g,
  /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/g,
]

const bearer = /(?<![A-Za-z])(bearer\s{1,4})[\w.~+/=-]{16,}/gi
const urlLogin = /(:\/\/)[^\s/:@]{0,100}:[^\s/@]{3,200}(@)/g
export const blockStart = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/g
export const blockEnd = /-----END [A-Z0-9 ]{0,60}-----/g

/** Hides everything that looks like a key; a private key without an end is hidden to the end of the text. */
export function hideKeyForms(text: string): string {
  let hidden = hideBlocks(text)
  for (const form of forms) hidden = hidden.replace(form, blank)
  return hidden.replace(bearer, `$1${blank}`).replace(urlLogin, `$1${blank}$2`)
}

function hideBlocks(text: string): string {
  if (!text.includes('-----BEGIN ')) return text
  let result = ''
  let at = 0
  for (;;) {
    const start = firstAt(blockStart, text, at)
    if (!start) return result + text.slice(at)
    result += text.slice(at, start.index) + blank
    const end = firstAt(blockEnd, text, start.index + start.length)
    if (!end) return result
    at = end.index + end.length
  }
}

/** Where a form is first found at or after a position. */
export function firstAt(
  form: RegExp,
  text: string,
  from: number,
): { index: number; length: number } | undefined {
  const own = new RegExp(form.source, form.flags)
  own.lastIndex = from
  const found = own.exec(text)
  return found ? { index: found.index, length: found[0].length } : undefined
}
