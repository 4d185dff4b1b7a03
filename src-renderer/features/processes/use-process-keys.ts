import type { ProcessRow } from '@contract/process.ts'
import type { RefObject } from 'react'
import { sessionAddress } from '../../format/address.ts'
import { toggled, useKernelView } from '../../stores/kernel-view.ts'
import { useNotices } from '../../stores/notices.ts'
import { useView } from '../../stores/view.ts'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { sortOrder } from './columns.tsx'
import { possibleWith } from './processes.model.ts'
import type { ProcessActs } from './use-process-acts.ts'
import type { ProcessList } from './use-process-list.ts'

/** The keys of the screen. Acts go to what is picked, or else to the row that is active. */
export function useProcessKeys(props: {
  list: ProcessList
  row: ProcessRow | undefined
  acts: ProcessActs
  find: RefObject<HTMLInputElement | null>
  isInspectorOpen: boolean
  onEdit: () => void
  onPick: (pid: number) => void
}): void {
  const { list, row, acts } = props
  const { processes: view, setProcesses: set } = useKernelView()
  const isLive = row !== undefined && !list.isGone(row.pid) && !acts.isOffline
  const targets = targetsOf(list, row, view.selected)
  const can = row && possibleWith(row)
  const act = (run: () => void) => (isLive && targets.some((one) => possibleWith(one).end) ? run : undefined)
  const isAllStopped = targets.every((one) => one.state === 'stopped')
  useKeyActions({
    'processes.open': row?.sessionId ? () => openSession(row) : undefined,
    'processes.suspend': act(() => (isAllStopped ? acts.resume(targets) : acts.suspend(targets))),
    'processes.terminate': act(() => acts.end('terminate', targets)),
    'processes.kill': act(() => acts.end('kill', targets)),
    'processes.raise': act(() => acts.prioritise(targets, 1)),
    'processes.lower': act(() => acts.prioritise(targets, -1)),
    'processes.budget': isLive && can?.budget ? props.onEdit : undefined,
    'processes.select': row && (() => set({ selected: toggled(view.selected, [String(row.pid)]) })),
    'processes.copy-id': row && (() => copyPid(row.pid)),
    'processes.tree': () => set({ isTree: !view.isTree }),
    'processes.collapse': view.isTree && row ? () => fold(list, row, props.onPick) : undefined,
    'processes.expand': view.isTree && row ? () => unfold(list, row, props.onPick) : undefined,
    'processes.find': () => props.find.current?.focus(),
    'processes.inspector': () => useView.getState().set({ isInspectorOpen: !props.isInspectorOpen }),
    'processes.leave': () => set({ selected: new Set(), text: '', state: 'any' }),
    ...sortKeys(),
  })
}

function sortKeys() {
  const { processes: view, setProcesses: set } = useKernelView.getState()
  const step = (by: number) => () => {
    const at = sortOrder.indexOf(view.sort)
    const sort = sortOrder[(at + by + sortOrder.length) % sortOrder.length]
    if (sort) set({ sort })
  }
  return {
    'processes.next-sort': step(1),
    'processes.previous-sort': step(-1),
    'processes.reverse': () => set({ isDescending: !view.isDescending }),
  }
}

function targetsOf(
  list: ProcessList,
  row: ProcessRow | undefined,
  selected: ReadonlySet<string>,
): readonly ProcessRow[] {
  if (selected.size === 0) return row ? [row] : []
  const picked: ProcessRow[] = []
  for (const key of selected) {
    const one = list.rowOf(Number(key))
    if (one && !list.isGone(one.pid)) picked.push(one)
  }
  return picked
}

function openSession(row: ProcessRow): void {
  if (row.sessionId) window.location.hash = sessionAddress(row.sessionId)
}

/** Left: folds what is below, or goes to the parent where nothing is to fold. */
function fold(list: ProcessList, row: ProcessRow, pick: (pid: number) => void): void {
  const { processes: view, setProcesses: set } = useKernelView.getState()
  const at = list.places.find((one) => one.pid === row.pid)
  if (at && at.below > 0 && !at.isFolded) set({ folded: toggled(view.folded, [row.pid]) })
  else if (list.rowOf(row.parent)) pick(row.parent)
}

/** Right: unfolds, or goes to the first below. */
function unfold(list: ProcessList, row: ProcessRow, pick: (pid: number) => void): void {
  const { processes: view, setProcesses: set } = useKernelView.getState()
  const index = list.places.findIndex((one) => one.pid === row.pid)
  const at = list.places[index]
  const next = list.places[index + 1]
  if (at?.isFolded) set({ folded: toggled(view.folded, [row.pid]) })
  else if (at && at.below > 0 && next) pick(next.pid)
}

function copyPid(pid: number): void {
  const { say } = useNotices.getState()
  navigator.clipboard.writeText(String(pid)).then(
    () => say({ text: `Copied ${pid}.`, lastsMs: 3000 }),
    () => say({ text: 'The clipboard refused it.', tone: 'danger' }),
  )
}
