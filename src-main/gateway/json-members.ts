/**
 * Changing single members of a JSON text while every other byte stays as it was. Works on text in which one character
 * is one byte (latin1), so that the rest comes out exactly as it went in, whatever its encoding.
 */
export interface Member {
  readonly key: string
  readonly valueStart: number
  readonly valueEnd: number
}

const quote = 34
const backslash = 92

/** The index after the string that starts at `at`. */
function skipString(text: string, at: number): number {
  let index = at + 1
  while (index < text.length) {
    const code = text.charCodeAt(index)
    if (code === backslash) index += 2
    else if (code === quote) return index + 1
    else index += 1
  }
  return index
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
export function topLevelMembers(text: string): Member[] {
  const found: Member[] = []
  let index = skipSpace(text, 0) + 1
  while (index < text.length) {
    index = skipSpace(text, index)
    if (text.charCodeAt(index) !== quote) break
    const keyEnd = skipString(text, index)
    const key: unknown = JSON.parse(text.slice(index, keyEnd))
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = skipValue(text, valueStart)
    const valueEnd = valueStart + text.slice(valueStart, end).trimEnd().length
    found.push({ key: String(key), valueStart, valueEnd })
    index = skipSpace(text, end) + 1
  }
  return found
}

/** Sets members of a JSON object; one that occurs twice is set twice, so that no reader sees another value. */
export function setMembers(body: Buffer, values: Readonly<Record<string, unknown>>): Buffer {
  const text = body.toString('latin1')
  const encoded = new Map(
    Object.entries(values).map(([key, value]) => [
      key,
      Buffer.from(JSON.stringify(value)).toString('latin1'),
    ]),
  )
  const members = topLevelMembers(text)
  let result = ''
  let at = 0
  for (const { key, valueStart, valueEnd } of members) {
    const value = encoded.get(key)
    if (value === undefined) continue
    result += text.slice(at, valueStart) + value
    at = valueEnd
  }
  result += text.slice(at)
  const present = new Set(members.map(({ key }) => key))
  const missing = [...encoded].filter(([key]) => !present.has(key))
  if (missing.length === 0) return Buffer.from(result, 'latin1')
  const open = result.indexOf('{') + 1
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')
  const separator = members.length > 0 ? ',' : ''
  return Buffer.from(result.slice(0, open) + added + separator + result.slice(open), 'latin1')
}
