import type { Virtualizer } from '@tanstack/react-virtual'
import { type RefObject, useCallback, useLayoutEffect, useRef } from 'react'
import { type DiffRow, linesOf } from './diff-rows.ts'

interface Anchor {
  readonly index: number
  readonly text: string
  /** From the row's start to the upper edge, in CSS pixels; negative when the row begins below it. */
  readonly offset: number
}

/** Keeps the lines in sight where they are when lines come or go above them. Returns what to call on scrolling. */
export function useSteadyScroll(
  scroller: RefObject<HTMLDivElement | null>,
  virtual: Virtualizer<HTMLDivElement, Element>,
  rows: readonly DiffRow[],
): () => void {
  const anchor = useRef<Anchor | null>(null)
  const drawn = useRef(rows)
  const remember = useCallback(() => {
    const top = scroller.current?.scrollTop ?? 0
    const first = virtual
      .getVirtualItems()
      .find((item) => item.end > top && isTelling(drawn.current[item.index]))
    anchor.current =
      first && top > 0
        ? { index: first.index, text: textOf(drawn.current[first.index]), offset: top - first.start }
        : null
  }, [scroller, virtual])
  useLayoutEffect(() => {
    const before = drawn.current
    drawn.current = rows
    const place = scroller.current
    if (before === rows || !anchor.current || !place) return
    const { text, index, offset } = anchor.current
    const now = nearestWith(rows, text, index)
    const start = now < 0 ? undefined : virtual.measurementsCache[now]?.start
    if (start !== undefined) place.scrollTop = start + offset
  }, [rows, scroller, virtual])
  return remember
}

/** A blank line or a bracket stands in too many places to be known again. */
function isTelling(row: DiffRow | undefined): boolean {
  return textOf(row).trim().length > 2
}

function textOf(row: DiffRow | undefined): string {
  return linesOf(row)[0]?.text ?? ''
}

/** The row with this text that is nearest to where it was; -1 when there is none. */
export function nearestWith(rows: readonly DiffRow[], text: string, index: number): number {
  for (let distance = 0; distance < rows.length; distance += 1)
    for (const at of [index - distance, index + distance]) {
      if (rows[at] && textOf(rows[at]) === text) return at
    }
  return -1
}
