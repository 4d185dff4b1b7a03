import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react'
import { visibleLine } from '../format/visible-text.ts'
import { type DiffRow, type HunkView, layOutDiff, type PlacedLine, sideText } from './diff-rows.ts'
import { type Highlight, languageOf, loadHighlight, type Token } from './highlight.ts'
import './diff-view.css'

const rowHeight = 20

/** Steps between changes from outside, by key. */
export interface DiffHandle {
  step(by: 1 | -1): void
}

type ColourOf = (line: PlacedLine) => readonly Token[] | undefined

/** A file's changes, unified or side by side; only rows in sight are drawn. */
export function DiffView(props: {
  path: string
  hunks: readonly HunkView[]
  isSplit: boolean
  omittedLines: number
  ref?: Ref<DiffHandle>
  onChange?: (at: number, count: number) => void
}) {
  const { hunks, isSplit, omittedLines, onChange } = props
  const drawing = useMemo(() => layOutDiff(hunks, isSplit, omittedLines), [hunks, isSplit, omittedLines])
  const colourOf = useColours(props.path, hunks)
  const scroller = useRef<HTMLDivElement>(null)
  const at = useRef(-1)
  const virtual = useVirtualizer({
    count: drawing.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 30,
  })
  useImperativeHandle(props.ref, () => ({
    step(by) {
      at.current = Math.max(0, Math.min(drawing.changes.length - 1, at.current + by))
      const row = drawing.changes[at.current]
      if (row !== undefined) virtual.scrollToIndex(Math.max(0, row - 3), { align: 'start' })
      onChange?.(at.current, drawing.changes.length)
    },
  }))
  useEffect(() => {
    at.current = -1
    onChange?.(0, drawing.changes.length)
  }, [drawing.changes.length, onChange])
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
    >
      <div className={`diff-body${isSplit ? ' split' : ''}`} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = drawing.rows[item.index]
          if (!row) return null
          const measure = isSplit ? virtual.measureElement : undefined
          return (
            <Place key={item.key} index={item.index} top={item.start} measure={measure}>
              <Row row={row} colourOf={colourOf} />
            </Place>
          )
        })}
      </div>
    </section>
  )
}

/** Where a row stands. Rows side by side wrap, so their heights are measured; unified ones are all alike. */
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

function Row(props: { row: DiffRow; colourOf: ColourOf }) {
  const { row } = props
  if (row.kind === 'gap' || row.kind === 'note')
    return (
      <div className="diff-row gap">
        <span className="diff-gap-text">{visibleLine(row.text)}</span>
      </div>
    )
  if (row.kind === 'line')
    return (
      <div className={`diff-row ${row.line.kind}`}>
        <span className="no">{row.line.oldLine}</span>
        <span className="no">{row.line.newLine}</span>
        <Code line={row.line} colourOf={props.colourOf} />
      </div>
    )
  return (
    <div className="diff-row pair">
      <Half line={row.left} no={row.left?.oldLine ?? null} colourOf={props.colourOf} />
      <Half line={row.right} no={row.right?.newLine ?? null} colourOf={props.colourOf} />
    </div>
  )
}

function Half(props: { line: PlacedLine | null; no: number | null; colourOf: ColourOf }) {
  if (!props.line) return <span className="half none" />
  return (
    <span className={`half ${props.line.kind}`}>
      <span className="no">{props.no}</span>
      <Code line={props.line} colourOf={props.colourOf} />
    </span>
  )
}

const signs = { added: '+', removed: '−', context: ' ' } as const

function Code(props: { line: PlacedLine; colourOf: ColourOf }) {
  const { line } = props
  const tokens = props.colourOf(line) ?? [{ text: line.text, role: null }]
  let at = 0
  return (
    <>
      <span className="sign">{signs[line.kind]}</span>
      <span className="code">
        {tokens.map((token) => {
          const start = at
          at += token.text.length
          return (
            <span key={start} className={token.role ? `code-${token.role}` : undefined}>
              {visibleCode(token.text)}
            </span>
          )
        })}
        {line.noNewline && <span className="faint"> ⏎̸ no newline at end</span>}
      </span>
    </>
  )
}

/** Tabs stay tabs in code; everything else that hides is shown. */
function visibleCode(text: string): string {
  return text.split('\t').map(visibleLine).join('\t')
}
