/** What another program sent, as an object; undefined for anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** The field of an object that need not be one. */
export function field(value: unknown, name: string): unknown {
  const record = recordOf(value)
  return record && Object.hasOwn(record, name) ? record[name] : undefined
}

/** At most `limit` items of a list; anything else is an empty one. */
export function itemsOf(value: unknown, limit: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, limit) : []
}

/** A count: a whole number from 0 to the largest safe one. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Several lines of text, bounded; control characters but tab and line feed become a visible mark. */
export function textOf(value: unknown, maxLength: number): string | undefined {
  if (typeof value !== 'string') return undefined
  const bounded = value.length > maxLength ? `${cut(value, maxLength - 1)}…` : value
  return hasControls.test(bounded) ? bounded.replace(/\r\n/g, '\n').replace(controls, '\uFFFD') : bounded
}

/** Text for one line: white space in a row becomes one blank. */
export function lineOf(value: unknown, maxLength: number): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = textOf(value.slice(0, maxLength * 4), maxLength * 4)
  const flat = (text ?? '').replace(/\s+/g, ' ').trim()
  return flat.length > maxLength ? `${cut(flat, maxLength - 1)}…` : flat
}

/** The end of a long text, for output whose last lines count most. */
export function tailOf(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  const start = text.length - maxLength + 1
  const first = text.charCodeAt(start)
  return `…${text.slice(first >= 0xdc00 && first <= 0xdfff ? start + 1 : start)}`
}

/** Cuts without leaving half of a surrogate pair. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}

// C0 and C1 controls, and the marks that turn the direction of text and so could make a path read as another one.
const pattern = '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]'
const hasControls = new RegExp(pattern)
const controls = new RegExp(pattern, 'g')
