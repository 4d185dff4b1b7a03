import { linesByPath } from './json-lines.ts'
import { Script } from './script-schema.ts'

export type ParsedScript =
  | { readonly ok: true; readonly script: Script }
  | { readonly ok: false; readonly problem: string }

const mostChars = 2 * 1024 * 1024

/** A script from the text of its file; `problem` names line and field. */
export function parseScript(text: string): ParsedScript {
  if (text.length > mostChars) return { ok: false, problem: 'the file is larger than 2 MiB' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, problem: `no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  const read = Script.safeParse(value)
  if (read.success) return { ok: true, script: read.data }
  const lines = linesByPath(text)
  const problems = read.error.issues.slice(0, 3).map(({ path, message }) => {
    const names = path.map(String)
    const line = nearestLine(lines, names)
    return `line ${line}, ${names.join('.') || 'script'}: ${message}`
  })
  return { ok: false, problem: problems.join('; ') }
}

/** A missing field has no line of its own: then that of what it is missing in. */
function nearestLine(lines: ReadonlyMap<string, number>, path: readonly string[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const line = lines.get(path.slice(0, length).join('.'))
    if (line !== undefined) return line
  }
  return 1
}
