import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from 'react'
import { visibleLine } from '../format/visible-text.ts'
import { type ColourOf, DiffLines } from './DiffLines.tsx'
import {
  type DiffDrawing,
  type DiffRow,
  type HunkView,
  type LineKey,
  layOutDiff,
  lineKeyOf,
  linesOf,
  type PlacedLine,
  sideText,
  withRemarks,
} from './diff-rows.ts'
import { type Highlight, languageOf, loadHighlight, type Token } from './highlight.ts'
import { useSteadyScroll } from './use-steady-scroll.ts'
import './diff-view.css'

const rowHeight = 20
const noRemarks: ReadonlySet<LineKey> = new Set()

/** What keys outside the diff do in it. */
export interface DiffHandle {
  /** To the next or the previous change. */
  step(by: 1 | -1): void
  /** Begins a remark on the line picked last, else on the first change. */
  remark(): void
  focus(): void
}

export interface DiffViewProps {
  readonly path: string
  readonly hunks: readonly HunkView[]
  readonly isSplit: boolean
  readonly omittedLines: number
  readonly ref?: Ref<DiffHandle>
  readonly onChange?: (at: number, count: number) => void
  /** Lines with something to say under them, and what. */
  readonly remarks?: ReadonlySet<LineKey>
  readonly remarkAt?: (key: LineKey) => ReactNode
  readonly onRemark?: (line: PlacedLine) => void
}

type Rows = Virtualizer<HTMLDivElement, Element>

/** A file's changes, unified or side by side; only rows in sight are drawn, and what is read stays where it is. */
export function DiffView(props: DiffViewProps) {
  const { hunks, isSplit, omittedLines, remarks = noRemarks } = props
  const plain = useMemo(() => layOutDiff(hunks, isSplit, omittedLines), [hunks, isSplit, omittedLines])
  const drawing = useMemo(() => withRemarks(plain, remarks), [plain, remarks])
  const colourOf = useColours(props.path, hunks)
  const scroller = useRef<HTMLDivElement>(null)
  const virtual: Rows = useVirtualizer({
    count: drawing.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (drawing.rows[index]?.kind === 'remark' ? 90 : rowHeight),
    getItemKey: (index) => keyOf(drawing.rows[index], index),
    overscan: 30,
  })
  const onScroll = useSteadyScroll(scroller, virtual, drawing.rows)
  const { cursor, onKeyDown, onClick } = useCursor(props, drawing, virtual, scroller)
  const digits = Math.max(3, String(lastLine(hunks)).length)
  const style = {
    ['--digits' as string]: `${digits + 1}ch`,
    ['--widest' as string]: `${drawing.widest + 2}ch`,
  }
  return (
    <section
      className="diff"
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard
      tabIndex={0}
      aria-label={`Changes in ${visibleLine(props.path)}`}
      style={style}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div className={`diff-body${isSplit ? ' split' : ''}`} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = drawing.rows[item.index]
          if (!row) return null
          const measure = isSplit || row.kind === 'remark' ? virtual.measureElement : undefined
          return (
            <Place key={item.key} index={item.index} top={item.start} measure={measure}>
              {row.kind === 'remark' ? (
                props.remarkAt?.(row.key)
              ) : (
                <DiffLines row={row} cursor={cursor} colourOf={colourOf} />
              )}
            </Place>
          )
        })}
      </div>
    </section>
  )
}

function keyOf(row: DiffRow | undefined, index: number): string | number {
  return row?.kind === 'remark' ? `remark ${row.key}` : index
}

/** The picked line: moved by arrows, by clicks and by steps from change to change. */
function useCursor(
  props: DiffViewProps,
  { rows, changes }: DiffDrawing,
  virtual: Rows,
  scroller: { readonly current: HTMLDivElement | null },
) {
  const { onChange, onRemark } = props
  const [cursor, setCursor] = useState<LineKey | null>(null)
  const at = useRef(-1)
  const place = cursor === null ? -1 : rows.findIndex((row) => hasLine(row, cursor))
  const pick = (index: number) => {
    const [line] = linesOf(rows[index])
    if (line) setCursor(lineKeyOf(line))
  }
  useImperativeHandle(props.ref, () => ({
    step(by) {
      at.current = Math.max(0, Math.min(changes.length - 1, at.current + by))
      const row = changes[at.current]
      if (row !== undefined) {
        virtual.scrollToIndex(Math.max(0, row - 3), { align: 'start' })
        pick(row)
      }
      onChange?.(at.current, changes.length)
    },
    remark() {
      const index = place >= 0 ? place : (changes[0] ?? -1)
      const line = lineAt(rows[index], cursor)
      if (!line) return
      virtual.scrollToIndex(index, { align: 'auto' })
      onRemark?.(line)
    },
    focus: () => scroller.current?.focus({ preventScroll: true }),
  }))
  useEffect(() => {
    at.current = -1
    onChange?.(0, changes.length)
  }, [changes.length, onChange])
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step === 0 || event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    const first = virtual.getVirtualItemForOffset(scroller.current?.scrollTop ?? 0)?.index ?? 0
    const next = nextLine(rows, place >= 0 ? place + step : first, step)
    if (next < 0) return
    pick(next)
    virtual.scrollToIndex(next, { align: 'auto' })
  }
  const onClick = (event: MouseEvent) => {
    const target = event.target instanceof Element ? event.target : null
    const name = target?.closest<HTMLElement>('[data-line]')?.dataset.line
    const line = rows.flatMap(linesOf).find((one) => lineKeyOf(one) === name)
    if (!line) return
    setCursor(lineKeyOf(line))
    if (target?.closest('.no, .sign') || event.detail === 2) onRemark?.(line)
  }
  return { cursor, onKeyDown, onClick }
}

function hasLine(row: DiffRow, key: LineKey): boolean {
  return linesOf(row).some((line) => lineKeyOf(line) === key)
}

function lineAt(row: DiffRow | undefined, key: LineKey | null): PlacedLine | undefined {
  const lines = linesOf(row)
  return lines.find((line) => lineKeyOf(line) === key) ?? lines[0]
}

function nextLine(rows: readonly DiffRow[], from: number, step: number): number {
  for (let index = from; index >= 0 && index < rows.length; index += step)
    if (linesOf(rows[index]).length > 0) return index
  return -1
}

/** Where a row stands. Rows side by side wrap and remarks grow, so their heights are measured; the others are all alike. */
function Place(props: {
  index: number
  top: number
  measure: ((element: Element | null) => void) | undefined
  children: ReactNode
}) {
  const style = { transform: `translateY(${props.top}px)` }
  return (
    <div className="diff-place" ref={props.measure} data-index={props.index} style={style}>
      {props.children}
    </div>
  )
}

function lastLine(hunks: readonly HunkView[]): number {
  const hunk = hunks.at(-1)
  return hunk ? Math.max(hunk.oldStart + hunk.oldCount, hunk.newStart + hunk.newCount) : 0
}

function useColours(path: string, hunks: readonly HunkView[]): ColourOf {
  const [highlight, setHighlight] = useState<Highlight | null>(null)
  const language = languageOf(path)
  useEffect(() => {
    if (!language) return
    let isHere = true
    loadHighlight().then(
      (loaded) => isHere && setHighlight(() => loaded),
      () => {
        // Without colours the diff is as readable, only plainer.
      },
    )
    return () => {
      isHere = false
    }
  }, [language])
  return useMemo(() => {
    const cache = new Map<string, readonly (readonly Token[])[] | undefined>()
    return (line) => {
      const hunk = hunks[line.hunk]
      if (!highlight || !language || !hunk || hunk.lines.length > 4000) return undefined
      const key = `${line.hunk} ${line.side}`
      if (!cache.has(key)) cache.set(key, highlight(language, sideText(hunk, line.side)))
      return cache.get(key)?.[line.inSide]
    }
  }, [highlight, hunks, language])
}
