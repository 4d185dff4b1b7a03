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

/** Long words without spaces; those with several digits among letters are ids and not names. */
const longWord = /[0-9a-zA-Z_-]{24,}/g
const severalDigits = /(?:\d[^\d]*){4}/

function idOrName(word: string): string {
  return severalDigits.test(word) && /[a-z]/i.test(word) ? '<id>' : word
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
  asked: Asked,
  body: JsonObject,
  placeholders: GatewaySession['placeholders'],
): CanonicalRequest {
  const { model: _model, ...rest } = body
  let text = withPlaceholders(JSON.stringify(sorted(rest)), placeholders)
  for (const [pattern, word] of patterns) text = text.replace(pattern, word)
  text = text.replace(longWord, idOrName)
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
