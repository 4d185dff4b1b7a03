/**
 * Changing single members of a JSON text while every other byte stays as it was. Works on text in which one character
 * is one byte (latin1), so that the rest comes out exactly as it went in, whatever its encoding.
 */
export interface Member {
  readonly key: string
  readonly valueStart: number
  readonly valueEnd: number
}

/** Where some members of a JSON object stand in its bytes: plain data, so that another thread can look for them. */
export interface MemberPlaces {
  /** The byte after the object's opening brace. */
  readonly start: number
  /** The object has no member at all. */
  readonly isEmpty: boolean
  /** The members asked for, in the order of the text, repeated ones included. */
  readonly found: readonly Member[]
}

const quote = 34
const backslash = 92

/** The index after the string that starts at `at`. */
function skipString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1
    while (before > at && text.charCodeAt(before) === backslash) before -= 1
    // An even number of backslashes stands for itself; the last of an odd number takes the quote into the string.
    if ((end - 1 - before) % 2 === 0) return end + 1
  }
  return text.length
}

function skipSpace(text: string, at: number): number {
  let index = at
  while (index < text.length && text.charCodeAt(index) <= 32) index += 1
  return index
}

/** The index after the value that starts at `at`. */
function skipValue(text: string, at: number): number {
  let depth = 0
  let index = at
  while (index < text.length) {
    const char = text[index]
    if (char === '"') index = skipString(text, index)
    else if (char === '{' || char === '[') {
      depth += 1
      index += 1
    } else if (char === '}' || char === ']') {
      if (depth === 0) return index
      depth -= 1
      index += 1
    } else if (char === ',' && depth === 0) return index
    else index += 1
    if (depth === 0 && (char === '"' || char === '}' || char === ']')) return index
  }
  return index
}

/** The members of a JSON object in the order of the text, repeated names included. The text must be valid JSON. */
export function* topLevelMembers(text: string): Generator<Member> {
  let index = skipSpace(text, 0) + 1
  while (index < text.length) {
    index = skipSpace(text, index)
    if (text.charCodeAt(index) !== quote) break
    const keyEnd = skipString(text, index)
    const key: unknown = JSON.parse(text.slice(index, keyEnd))
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = skipValue(text, valueStart)
    let valueEnd = end
    while (valueEnd > valueStart && text.charCodeAt(valueEnd - 1) <= 32) valueEnd -= 1
    yield { key: String(key), valueStart, valueEnd }
    index = skipSpace(text, end) + 1
  }
}

/** Where members stand in the bytes of a valid JSON object. */
export function placesOf(body: Buffer, keys: readonly string[]): MemberPlaces {
  const text = body.toString('latin1')
  const found: Member[] = []
  let isEmpty = true
  for (const member of topLevelMembers(text)) {
    isEmpty = false
    if (keys.includes(member.key)) found.push(member)
  }
  return { start: text.indexOf('{') + 1, isEmpty, found }
}

/**
 * A JSON object with some members set, as pieces that follow each other, of which the unchanged ones are parts of `body`
 * itself. A member that occurs twice is set twice, so that no reader sees another value. `places` must tell of each.
 */
export function withMembers(
  body: Buffer,
  { start, isEmpty, found }: MemberPlaces,
  values: Readonly<Record<string, unknown>>,
): Buffer[] {
  const encoded = new Map(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(JSON.stringify(value))]),
  )
  const present = new Set(found.map(({ key }) => key))
  const missing = [...encoded].filter(([key]) => !present.has(key))
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}:${value.toString()}`).join(',')
  const separator = added === '' || isEmpty ? '' : ','
  const pieces = [body.subarray(0, start), Buffer.from(added + separator)]
  let at = start
  for (const { key, valueStart, valueEnd } of found) {
    const value = encoded.get(key)
    if (value === undefined) continue
    pieces.push(body.subarray(at, valueStart), value)
    at = valueEnd
  }
  return [...pieces, body.subarray(at)].filter(({ length }) => length > 0)
}
