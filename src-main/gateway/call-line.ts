import type { CallRow } from '../ports/gateway.ts'

/** While only numbers change a line is shown at most this often. */
const quietMs = 250

/** One line of the live view: changes of state show at once, growing numbers now and then, the last word always. */
export interface CallLine {
  change(part: Partial<CallRow>): void
  close(): void
}

export interface LineClock {
  nowMs(): number
  after(ms: number, fn: () => void): () => void
}

export function createCallLine(first: CallRow, onCall: (row: CallRow) => void, clock: LineClock): CallLine {
  let row = first
  let shownAtMs = clock.nowMs()
  let cancel: (() => void) | undefined
  function show(): void {
    cancel?.()
    cancel = undefined
    shownAtMs = clock.nowMs()
    onCall(row)
  }
  onCall(row)
  return {
    change(part) {
      const isNews = part.state !== undefined && part.state !== row.state
      row = { ...row, ...part }
      if (isNews) show()
      else cancel ??= clock.after(Math.max(0, quietMs - (clock.nowMs() - shownAtMs)), show)
    },
    close() {
      if (cancel) show()
    },
  }
}
