import type { DiffLine, Hunk } from '../../contract/workarea.ts'

export interface HunkLimits {
  readonly maxLines: number
  readonly maxChars: number
  readonly maxLineChars: number
}

export const hunkLimits: HunkLimits = { maxLines: 20_000, maxChars: 4 * 1024 * 1024, maxLineChars: 20_000 }

/** Reads a unified diff piece by piece and keeps a bounded part of it; the rest is only counted. */
export interface HunkParser {
  push(chunk: Buffer): void
  end(): { readonly hunks: Hunk[]; readonly omittedLines: number }
}

interface Reading {
  readonly limits: HunkLimits
  readonly hunks: Hunk[]
  oldLine: number
  newLine: number
  oldLeft: number
  newLeft: number
  lines: number
  chars: number
  omittedLines: number
}

const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/s

const isFull = (reading: Reading) =>
  reading.lines >= reading.limits.maxLines || reading.chars >= reading.limits.maxChars

function startHunk(reading: Reading, line: string): void {
  const match = header.exec(line)
  if (match === null) return
  const [, oldStart = '0', oldCount = '1', newStart = '0', newCount = '1', where = ''] = match
  reading.oldLine = Number(oldStart)
  reading.newLine = Number(newStart)
  reading.oldLeft = Number(oldCount)
  reading.newLeft = Number(newCount)
  if (isFull(reading)) return
  reading.hunks.push({
    header: where.slice(0, 200),
    oldStart: reading.oldLine,
    oldCount: reading.oldLeft,
    newStart: reading.newLine,
    newCount: reading.newLeft,
    lines: [],
  })
}

function addLine(reading: Reading, kind: DiffLine['kind'], content: string): void {
  const text = cut(content, reading.limits.maxLineChars)
  const isOld = kind !== 'added'
  const isNew = kind !== 'removed'
  const oldLine = isOld ? reading.oldLine : null
  const newLine = isNew ? reading.newLine : null
  reading.oldLine += Number(isOld)
  reading.oldLeft -= Number(isOld)
  reading.newLine += Number(isNew)
  reading.newLeft -= Number(isNew)
  if (isFull(reading)) {
    reading.omittedLines += 1
    return
  }
  reading.lines += 1
  reading.chars += text.length
  reading.hunks.at(-1)?.lines.push({ kind, oldLine, newLine, text })
}

const kinds: Readonly<Record<string, DiffLine['kind']>> = {
  ' ': 'context',
  '': 'context',
  '+': 'added',
  '-': 'removed',
}

/** Everything before the first `@@` is git's preamble. A line keeps its carriage return: it is content. */
function takeLine(reading: Reading, line: string): void {
  const mark = line.charAt(0)
  const kind = Object.hasOwn(kinds, mark) ? kinds[mark] : undefined
  // Counts decide, not looks: a removed line may itself begin with "@@" or "---".
  if (kind !== undefined && (reading.oldLeft > 0 || reading.newLeft > 0))
    addLine(reading, kind, line.slice(1))
  else if (mark === '\\') markMissingNewline(reading)
  else startHunk(reading, line)
}

function markMissingNewline(reading: Reading): void {
  const last = reading.hunks.at(-1)?.lines.at(-1)
  if (last !== undefined && reading.omittedLines === 0) last.noNewline = true
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length - limit} more characters)`
}

/** A parser for one file's diff as `git diff <blob> <blob>` prints it. */
export function createHunkParser(limits: HunkLimits = hunkLimits): HunkParser {
  const counters = { oldLine: 0, newLine: 0, oldLeft: 0, newLeft: 0, lines: 0, chars: 0, omittedLines: 0 }
  const reading: Reading = { limits, hunks: [], ...counters }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  const drain = (text: string) => {
    const lines = text.split('\n')
    lines[0] = rest + (lines[0] ?? '')
    rest = lines.pop() ?? ''
    for (const line of lines) takeLine(reading, line)
  }
  return {
    push: (chunk) => drain(decoder.decode(chunk, { stream: true })),
    end() {
      drain(decoder.decode())
      if (rest !== '') takeLine(reading, rest)
      return { hunks: reading.hunks, omittedLines: reading.omittedLines }
    },
  }
}
