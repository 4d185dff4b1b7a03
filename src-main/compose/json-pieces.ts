/** Longest stretch of a string that is written at once. */
const stretchChars = 64 * 1024
/** Values that are no longer than this are written whole. */
const wholeChars = 4096

/**
 * The JSON text of plain data, as `JSON.stringify` writes it, in pieces of some 64 KiB: who writes much of it can let
 * other work pass in between. Objects that say themselves how they are written (dates) are not plain.
 */
export function* jsonPieces(value: unknown): Generator<string, undefined> {
  let held = ''
  for (const part of partsOf(value)) {
    held += part
    if (held.length < stretchChars) continue
    yield held
    held = ''
  }
  if (held !== '') yield held
}

function* partsOf(value: unknown): Generator<string, undefined> {
  if (typeof value === 'string') yield* stringParts(value)
  else if (!isLongerThan(value, wholeChars)) yield* isWritten(value) ? [JSON.stringify(value)] : []
  else if (Array.isArray(value)) {
    let before = '['
    for (const one of value as readonly unknown[]) {
      yield before
      yield* isWritten(one) ? partsOf(one) : ['null']
      before = ','
    }
    yield ']'
  } else if (typeof value === 'object' && value !== null) {
    let before = '{'
    for (const [key, one] of Object.entries(value)) {
      if (!isWritten(one)) continue
      yield `${before}${JSON.stringify(key)}:`
      yield* partsOf(one)
      before = ','
    }
    yield before === '{' ? '{}' : '}'
  }
}

function isWritten(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
}

function* stringParts(text: string): Generator<string, undefined> {
  if (text.length <= stretchChars) return yield JSON.stringify(text)
  yield '"'
  for (let at = 0; at < text.length; ) {
    const end = wholeEnd(text, at + stretchChars)
    yield JSON.stringify(text.slice(at, end)).slice(1, -1)
    at = end
  }
  yield '"'
}

/** Does not part the two halves of a letter: each by itself would be written as an escape. */
function wholeEnd(text: string, end: number): number {
  const code = text.charCodeAt(end)
  return code >= 0xdc00 && code <= 0xdfff ? end + 1 : end
}

/** Whether the JSON text of a value would be longer than this; looks no further than that. */
export function isLongerThan(value: unknown, chars: number): boolean {
  let left = chars
  const open: unknown[] = [value]
  while (open.length > 0 && left >= 0) {
    const one = open.pop()
    if (typeof one === 'string') left -= one.length + 2
    else if (Array.isArray(one)) {
      left -= one.length + 2
      if (left >= 0) for (const inner of one) open.push(inner)
    } else if (typeof one === 'object' && one !== null) {
      for (const [key, inner] of Object.entries(one)) {
        left -= key.length + 4
        open.push(inner)
      }
    } else left -= 1
  }
  return left < 0
}
