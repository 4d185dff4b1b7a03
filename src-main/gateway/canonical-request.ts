import { createHash } from 'node:crypto'
import type { CanonicalRequest, GatewaySession } from '../ports/gateway.ts'
import type { Asked } from './dialect-shape.ts'
import { isRecord, type JsonObject } from './json-values.ts'

/**
 * What changes from run to run without meaning anything, and the word that stands for it: what the session names (its
 * folders), then times, dates, durations, ports, and last ids. The order matters: longer and more definite patterns first. None
 * may look at a text more than once from each place: whoever writes a request chooses the text.
 */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\b\d{4}[-/]\d{1,2}[-/]\d{1,2}\b/g, '<date>'],
  [/\b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b/g, '<date>'],
  [
    /\b(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? )?(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.? \d{1,2}(?:,? \d{4})?(?: \d\d:\d\d(?::\d\d)?(?: [A-Z]{3,4})?(?: \d{4})?)?/g,
    '<date>',
  ],
  [/\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)?\b/g, '<time>'],
  [/\b1[5-9]\d{8}(?:\d{3})?\b/g, '<time>'],
  [/\b\d+(?:\.\d+)? ?(?:ms|milliseconds?|s|secs?|seconds?|µs)\b/g, '<duration>'],
  [/\b(?:127\.0\.0\.1|localhost):\d{2,5}\b/g, '<address>'],
  [/\b(chunk id: )[0-9a-f]+\b/gi, '$1<id>'],
  [/\b((?:pid|process id|process group id)"?[:=]? ?)\d+\b/gi, '$1<pid>'],
]

/** Long words are ids when they have several digits among letters, else names. */
const longWordChars = 24
const severalDigits = /(?:\d[^\d]*){4}/

function idOrName(word: string): string {
  return severalDigits.test(word) && /[a-z]/i.test(word) ? '<id>' : word
}

function isWordChar(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    code === 45 ||
    code === 95
  )
}

/**
 * Replaces ids among the words of letters, digits, `_` and `-`. Looks at one character in 24 where there is no long word,
 * where a pattern would look at each from each place before it: half the work on a request was that.
 */
export function withoutIds(text: string): string {
  let result = ''
  let kept = 0
  let from = 0
  while (from + longWordChars <= text.length) {
    const probe = from + longWordChars - 1
    if (!isWordChar(text.charCodeAt(probe))) {
      from = probe + 1
      continue
    }
    let start = probe
    while (start > from && isWordChar(text.charCodeAt(start - 1))) start -= 1
    let end = probe + 1
    while (end < text.length && isWordChar(text.charCodeAt(end))) end += 1
    if (end - start >= longWordChars) {
      result += text.slice(kept, start) + idOrName(text.slice(start, end))
      kept = end
    }
    from = end
  }
  return kept === 0 ? text : result + text.slice(kept)
}

/** Sorts the members of objects, so that two spellings of the same value are one. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

/** A folder as it is, and as CLIs make one name of it (`-home-me-project`). */
export function spellingsOf(text: string): readonly string[] {
  const asName = text.replaceAll(/[^0-9a-zA-Z]/g, '-')
  return text.includes('/') && asName.length >= shortestName ? [text, asName] : [text]
}

const shortestName = 8

function withPlaceholders(text: string, placeholders: GatewaySession['placeholders']): string {
  // The longest first: a workarea often lies inside a folder that has a word of its own.
  const spelled = placeholders
    .flatMap(({ text: found, token }) => spellingsOf(found).map((spelling) => ({ spelling, token })))
    .toSorted((left, right) => right.spelling.length - left.spelling.length)
  let result = text
  for (const { spelling, token } of spelled)
    if (spelling !== '') result = result.replaceAll(JSON.stringify(spelling).slice(1, -1), token)
  return result
}

/** A request as it is compared with a recording: without model, key and host, and without what no two runs share. */
export function canonicalOf(
  asked: Pick<Asked, 'dialect' | 'kind' | 'isStream'>,
  body: JsonObject,
  placeholders: GatewaySession['placeholders'],
): CanonicalRequest {
  const { model: _model, ...rest } = body
  let text = withPlaceholders(JSON.stringify(sorted(rest)), placeholders)
  for (const [pattern, word] of patterns) text = text.replace(pattern, word)
  text = withoutIds(text)
  const title = `${asked.dialect} ${asked.kind}${asked.isStream ? ' stream' : ''}`
  const hash = createHash('sha256').update(`${title}\n${text}`).digest('hex')
  return { title, hash, text }
}

/** The place at which two canonical texts part, with some of both sides, for people. */
export function firstDifference(expected: string, actual: string): string {
  let at = 0
  while (at < expected.length && expected[at] === actual[at]) at += 1
  const from = Math.max(0, at - 30)
  return `at character ${at}: recorded "${expected.slice(from, at + 50)}", now "${actual.slice(from, at + 50)}"`
}
