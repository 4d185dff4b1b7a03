import { type RefObject, useMemo } from 'react'
import { sessionAddress } from '../../format/address.ts'
import { plural } from '../../format/amounts.ts'
import { toggled, useKernelView } from '../../stores/kernel-view.ts'
import { DataGrid, type GridItem } from '../../ui/DataGrid.tsx'
import { useWidthOf } from '../../ui/use-width.ts'
import { type AuthorityRow, describeRow } from './authority.model.ts'
import { columnsFor } from './columns.tsx'

const nothingSelected: ReadonlySet<string> = new Set()

/** Capabilities as the tree of their derivation, then what was refused. */
export function AuthorityTable(props: {
  rows: readonly AuthorityRow[]
  active: string | null
  place: RefObject<HTMLElement | null>
  nowMs: number
  onPick: (key: string) => void
}) {
  const { rows, nowMs } = props
  const { setAuthority: set } = useKernelView()
  const width = useWidthOf(props.place)
  const columns = useMemo(() => {
    const fold = (id: number) => set({ folded: toggled(useKernelView.getState().authority.folded, [id]) })
    return columnsFor(width, nowMs, fold)
  }, [width, nowMs, set])
  const items = useMemo(() => itemsOf(rows), [rows])
  const open = (key: string) => {
    const row = rows.find((one) => one.key === key)
    const sessionId = row?.kind === 'held' ? row.cap.sessionId : row?.refusal.sessionId
    if (sessionId) window.location.hash = sessionAddress(sessionId, 'authority')
  }
  return (
    <DataGrid<AuthorityRow>
      label="Capabilities"
      columns={columns}
      count={items.length}
      itemAt={(index) => items[index] ?? { kind: 'waiting', key: `w${index}` }}
      rowHeight={document.documentElement.dataset.density === 'comfortable' ? 36 : 28}
      activeKey={props.active}
      selected={nothingSelected}
      onActive={props.onPick}
      onOpen={open}
      labelOf={(row) => describeRow(row, nowMs)}
      branchOf={(row) => ({
        depth: row.kind === 'held' ? row.depth : 0,
        isOpen: row.kind === 'held' && row.below > 0 ? !row.isFolded : undefined,
      })}
      classOf={(row) => (row.kind === 'held' && row.isGone ? 'gone' : '')}
      hasFocusOnMount
    />
  )
}

function itemsOf(rows: readonly AuthorityRow[]): readonly GridItem<AuthorityRow>[] {
  const item = (row: AuthorityRow): GridItem<AuthorityRow> => ({ kind: 'row', key: row.key, row })
  const held = rows.filter((row) => row.kind === 'held')
  const refused = rows.filter((row) => row.kind === 'refused')
  if (refused.length === 0) return held.map(item)
  const count = refused.reduce((sum, row) => sum + row.refusal.count, 0)
  const head = {
    kind: 'group' as const,
    key: 'refused',
    title: 'Refused',
    facts: 'what was attempted without a capability for it',
    end: plural(count, 'attempt'),
  }
  return [...held.map(item), head, ...refused.map(item)]
}
