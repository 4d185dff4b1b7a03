/** Copied bodies as text, without writing out more of them than is asked for. */

/** Deeper values are left to JSON, which knows what to do about a cycle. */
const MAX_DEPTH = 200

/** A body as text: itself when it is text, else its JSON, in which maps and sets are lists and bigints texts. */
export function textOfBody(body: unknown): string {
  if (typeof body === 'string') return body
  try {
    return (isSaid(body, 0) ? JSON.stringify(body) : JSON.stringify(body, sayable)) ?? ''
  } catch {
    return ''
  }
}

/** Whether JSON says all of a value by itself: it has nothing to say of a map's entries, and fails on a bigint. */
function isSaid(value: unknown, depth: number): boolean {
  if (typeof value === 'bigint') return false
  if (typeof value !== 'object' || value === null || value instanceof Date) return true
  if (depth > MAX_DEPTH) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isSaid(value[i], depth + 1)) return false
    return true
  }
  if (!isPlain(value)) return false
  for (const key in value) if (!isSaid(value[key], depth + 1)) return false
  return true
}

/** What JSON writes in place of a value that it has no form for. Bytes are no text. */
function sayable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map || value instanceof Set) return [...value]
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? '' : value
}

/** The first `chars` characters of a body as text, whatever comes after them: even what JSON can't say. */
export function headOfBody(body: unknown, chars: number): string {
  if (typeof body === 'string') return body.slice(0, chars)
  return (headOfJson(body, chars) ?? textOfBody(body)).slice(0, chars)
}

/** At least the first `chars` characters of a value's JSON, or undefined where only the whole can tell. */
function headOfJson(value: unknown, chars: number): string | undefined {
  switch (typeof value) {
    case 'string':
      // What an escape makes of a pair that is cut in half comes after the characters that are asked for.
      return quoted(value.length > chars ? value.slice(0, chars) : value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return headOfList(value, chars)
      return isPlain(value) ? headOfRecord(value, chars) : undefined
    default:
      return undefined
  }
}

function headOfList(list: readonly unknown[], chars: number): string | undefined {
  let out = '['
  for (let i = 0; i < list.length && out.length < chars; i++) {
    const item = headOfJson(list[i], chars - out.length)
    if (item === undefined) return undefined
    out += i === 0 ? item : `,${item}`
  }
  return `${out}]`
}

function headOfRecord(record: Readonly<Record<string, unknown>>, chars: number): string | undefined {
  let out = '{'
  for (const key in record) {
    if (out.length >= chars) break
    const item = headOfJson(record[key], chars - out.length)
    if (item === undefined) return undefined
    out += `${out === '{' ? '' : ','}${quoted(key)}:${item}`
  }
  return `${out}}`
}

/** A text as JSON; most need no escape, and then calling the host for it costs more than the rest. */
function quoted(text: string): string {
  return textBytes(text) === text.length + 2 ? `"${text}"` : JSON.stringify(text)
}

/** A record, which JSON writes key by key: copied bodies hold no functions, and so none that JSON would ask first. */
export function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  return Object.getPrototypeOf(value) === Object.prototype
}

/** Size of a body in tokens when nobody counted: a quarter of its UTF-8 length as JSON, at least 1. */
export function estTokens(body: unknown): number {
  const counted = jsonBytes(body)
  return tokensOf(counted < 0 ? writtenBytes(body) : counted)
}

/** Tokens that so many bytes of JSON are taken for. */
export function tokensOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4))
}

/** Low enough that no sum of lengths brings it back above 0. */
export const UNKNOWN = -1e15

/** UTF-8 length of a value's JSON, or negative where it has to be written to be known. */
export function jsonBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value)
    case 'number':
      return (value | 0) === value && value >= 0 ? digits(value) : numberBytes(value)
    case 'boolean':
      return value ? 4 : 5
    case 'object':
      return value === null ? 4 : partsBytes(value)
    default:
      return UNKNOWN
  }
}

function partsBytes(value: object): number {
  let bytes = 1
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) bytes += jsonBytes(value[i]) + 1
    return bytes === 1 ? 2 : bytes
  }
  if (!isPlain(value)) return UNKNOWN
  for (const key in value) bytes += textBytes(key) + jsonBytes(value[key]) + 2
  return bytes === 1 ? 2 : bytes
}

/** What JSON escapes, or UTF-8 writes as several bytes. */
const ODD = /[^ !#-[\]-~]/
/** From this length on asking the expression first is the quicker way. */
const SHORT = 24

/** UTF-8 length of a text as JSON. */
export function textBytes(text: string): number {
  let bytes = text.length + 2
  if (text.length > SHORT && !ODD.test(text)) return bytes
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) bytes += extraBytes(text, i, code)
  }
  return bytes
}

/** What a character takes beyond one byte: escapes, and what UTF-8 writes as several. */
function extraBytes(text: string, at: number, code: number): number {
  if (code < 0x20) return SHORT_ESCAPES.includes(code) ? 1 : 5
  if (code < 0x80) return code === 0x22 || code === 0x5c ? 1 : 0
  if (code < 0x800) return 1
  if (code < 0xd800 || code > 0xdfff) return 2
  // Each half of a pair counts two of its four bytes; a half without the other is written as an escape.
  const other = code < 0xdc00 ? text.charCodeAt(at + 1) : text.charCodeAt(at - 1)
  const isPaired = code < 0xdc00 ? other >= 0xdc00 && other <= 0xdfff : other >= 0xd800 && other < 0xdc00
  return isPaired ? 1 : 5
}

const SHORT_ESCAPES: readonly number[] = [0x08, 0x09, 0x0a, 0x0c, 0x0d]

function digits(value: number): number {
  let count = 1
  for (let next = 10; next <= value; next *= 10) count++
  return count
}

function numberBytes(value: number): number {
  return Number.isFinite(value) ? String(value).length : 4
}

/** As JSON is written out; bytes count two each, as in the text form that is stored (value-text.ts). */
function writtenBytes(body: unknown): number {
  const json = textOfBody(body)
  let bytes = typeof body === 'object' ? 2 * heldBytes(body, 0) : 0
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3
  }
  return bytes
}

/** Bytes of all buffers and typed arrays in a value. */
function heldBytes(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return 0
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength
  const parts =
    value instanceof Map
      ? [...value].flat()
      : value instanceof Set || Array.isArray(value)
        ? value
        : Object.values(value)
  let bytes = 0
  for (const part of parts) bytes += heldBytes(part, depth + 1)
  return bytes
}

/** The words of a text: runs of letters and digits of any script, in lower case. */
export function wordsOf(text: string): string[] {
  const words: string[] = []
  let from = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
    const isPart =
      (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a)
    if (isPart) {
      if (from < 0) from = i
    } else if (from >= 0) {
      words.push(text.slice(from, i).toLowerCase())
      from = -1
    }
  }
  if (from >= 0) words.push(text.slice(from).toLowerCase())
  return words
}
