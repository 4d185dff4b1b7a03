/**
 * The line on which each value of a JSON text begins, by its path (`steps.2.path`). The text must be valid JSON:
 * `JSON.parse` has seen it before.
 */
export function linesByPath(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const places: { path: string; index: number; key: string | undefined }[] = []
  let line = 1
  let expectsKey = false
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:\n]|[^\s{}[\],:"]+/g
  const here = (): string => {
    const place = places.at(-1)
    if (!place) return ''
    const name = place.key ?? String(place.index)
    return place.path === '' ? name : `${place.path}.${name}`
  }
  for (const [found] of text.matchAll(token)) {
    const place = places.at(-1)
    if (found === '\n') line += 1
    else if (found === '{' || found === '[') {
      const path = here()
      lines.set(path, line)
      places.push({ path, index: 0, key: undefined })
      expectsKey = found === '{'
    } else if (found === '}' || found === ']') {
      places.pop()
      expectsKey = false
    } else if (found === ',' && place) {
      expectsKey = place.key !== undefined
      place.index += 1
    } else if (found !== ':') {
      if (expectsKey && place) place.key = keyOf(found)
      else lines.set(here(), line)
      expectsKey = false
    }
  }
  return lines
}

function keyOf(token: string): string {
  const value: unknown = JSON.parse(token)
  return String(value)
}
