/** A line of a diff; texts are foreign. */
export interface DiffLineView {
  readonly kind: 'context' | 'added' | 'removed'
  readonly oldLine: number | null
  readonly newLine: number | null
  readonly text: string
  readonly noNewline?: boolean | undefined
}
export interface HunkView {
  readonly header: string
  readonly oldStart: number
  readonly oldCount: number
  readonly newStart: number
  readonly newCount: number
  readonly lines: readonly DiffLineView[]
}

/** A line with the place of its colours: hunk, side and number within that side of the hunk. */
export interface PlacedLine extends DiffLineView {
  readonly hunk: number
  readonly side: 'old' | 'new'
  readonly inSide: number
}

export type DiffRow =
  | { readonly kind: 'gap'; readonly text: string; readonly hunk: number }
  | { readonly kind: 'line'; readonly line: PlacedLine }
  | { readonly kind: 'pair'; readonly left: PlacedLine | null; readonly right: PlacedLine | null }
  | { readonly kind: 'note'; readonly text: string }
  /** Room under a line for what people say of it. */
  | { readonly kind: 'remark'; readonly key: LineKey }

/** Names a line of a diff by its side and number: `new:20`. */
export type LineKey = `${'old' | 'new'}:${number}`

/** A removed line by its old number, any other by its new one. */
export function lineKeyOf({ kind, oldLine, newLine }: DiffLineView): LineKey {
  return kind === 'removed' ? `old:${oldLine ?? 0}` : `new:${newLine ?? 0}`
}

export interface DiffDrawing {
  readonly rows: readonly DiffRow[]
  /** Row at which each change begins, for stepping from one to the next. */
  readonly changes: readonly number[]
  /** Longest line, in characters, so that sideways scrolling is the same for all rows. */
  readonly widest: number
}

const longestLine = 2000

/** Lays a file's hunks out as rows of equal height, unified or side by side. */
export function layOutDiff(hunks: readonly HunkView[], isSplit: boolean, omittedLines: number): DiffDrawing {
  const rows: DiffRow[] = []
  let before = 1
  for (const [index, hunk] of hunks.entries()) {
    const gap = hunk.oldStart - before
    if (gap > 0 || hunk.header !== '' || index > 0)
      rows.push({ kind: 'gap', text: gapText(gap, hunk.header), hunk: index })
    before = hunk.oldStart + hunk.oldCount
    const lines = placeLines(hunk.lines, index)
    rows.push(...(isSplit ? pairUp(lines) : lines.map((line): DiffRow => ({ kind: 'line', line }))))
  }
  if (omittedLines > 0)
    rows.push({ kind: 'note', text: `${omittedLines.toLocaleString('en-US')} more lines are not shown` })
  return { rows, changes: changeStarts(rows), widest: widestOf(hunks) }
}

function gapText(gap: number, header: string): string {
  const count = gap > 0 ? `${gap} unchanged ${gap === 1 ? 'line' : 'lines'}` : ''
  return ['@@', count, header].filter((part) => part !== '').join(' ')
}

function placeLines(lines: readonly DiffLineView[], hunk: number): PlacedLine[] {
  let old = 0
  let fresh = 0
  return lines.map((line) => {
    const side = line.kind === 'removed' ? 'old' : 'new'
    const inSide = side === 'old' ? old : fresh
    if (line.kind !== 'added') old += 1
    if (line.kind !== 'removed') fresh += 1
    const text = line.text.length > longestLine ? `${line.text.slice(0, longestLine)}…` : line.text
    return { ...line, text, hunk, side, inSide }
  })
}

/** Removed lines stand beside the added ones that replaced them; what has no partner faces an empty place. */
function pairUp(lines: readonly PlacedLine[]): DiffRow[] {
  const rows: DiffRow[] = []
  let removed: PlacedLine[] = []
  let added: PlacedLine[] = []
  const flush = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1)
      rows.push({ kind: 'pair', left: removed[index] ?? null, right: added[index] ?? null })
    removed = []
    added = []
  }
  for (const line of lines) {
    if (line.kind === 'removed') {
      if (added.length > 0) flush()
      removed.push(line)
    } else if (line.kind === 'added') added.push(line)
    else {
      flush()
      rows.push({ kind: 'pair', left: line, right: line })
    }
  }
  flush()
  return rows
}

function isChange(row: DiffRow | undefined): boolean {
  if (row?.kind === 'line') return row.line.kind !== 'context'
  return row?.kind === 'pair' && (row.left?.kind !== 'context' || row.right?.kind !== 'context')
}

function changeStarts(rows: readonly DiffRow[]): number[] {
  return rows.flatMap((row, index) => (isChange(row) && !isChange(rowBefore(rows, index)) ? [index] : []))
}

/** What stands above, remarks left out: they do not part a change in two. */
function rowBefore(rows: readonly DiffRow[], index: number): DiffRow | undefined {
  const above = rows[index - 1]
  return above?.kind === 'remark' ? rowBefore(rows, index - 1) : above
}

function widestOf(hunks: readonly HunkView[]): number {
  let widest = 0
  for (const hunk of hunks) for (const line of hunk.lines) widest = Math.max(widest, line.text.length)
  return Math.min(widest, longestLine)
}

/** The lines that a row shows: none, one, or the two of a pair. */
export function linesOf(row: DiffRow | undefined): readonly PlacedLine[] {
  if (row?.kind === 'line') return [row.line]
  if (row?.kind !== 'pair') return []
  return [row.right, row.left].filter((line) => line !== null)
}

/** The drawing with room under each of the named lines. */
export function withRemarks(drawing: DiffDrawing, keys: ReadonlySet<LineKey>): DiffDrawing {
  if (keys.size === 0) return drawing
  const rows = drawing.rows.flatMap((row): DiffRow[] => {
    const named = new Set(
      linesOf(row)
        .map(lineKeyOf)
        .filter((key) => keys.has(key)),
    )
    return [row, ...[...named].map((key): DiffRow => ({ kind: 'remark', key }))]
  })
  return { ...drawing, rows, changes: changeStarts(rows) }
}

/** The text of one side of a hunk, as the highlighter reads it. */
export function sideText(hunk: HunkView, side: 'old' | 'new'): string {
  const other = side === 'old' ? 'added' : 'removed'
  return hunk.lines
    .filter((line) => line.kind !== other)
    .map((line) => line.text)
    .join('\n')
}
