import { table } from './terminal.ts'

/** Least that the last column, which names what a line is about, keeps before others give way. */
const lastKeeps = 28

/**
 * A table for a window of `width` characters: columns go in the order of `dropped` until the rest fits, and what the last
 * one has no room for is cut. Without a width, where a program reads, everything is kept.
 */
export function fitTable(
  rows: readonly (readonly string[])[],
  width: number | undefined,
  dropped: readonly string[],
): string[] {
  if (width === undefined) return table(rows)
  const heads = rows[0] ?? []
  const widths = heads.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  const last = heads.length - 1
  const kept = new Set(heads.keys())
  const before = () => [...kept].reduce((sum, at) => sum + (at === last ? 0 : (widths[at] ?? 0) + 2), 0)
  for (const name of dropped) {
    if (before() + Math.min(lastKeeps, widths[last] ?? 0) <= width) break
    const at = heads.indexOf(name)
    if (at >= 0 && at !== last) kept.delete(at)
  }
  const room = Math.max(8, width - before())
  return table(
    rows.map((row) => [...kept].map((at) => (at === last ? cutEnd(row[at] ?? '', room) : (row[at] ?? '')))),
  ).map((line) => cutEnd(line, width))
}

function cutEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}
