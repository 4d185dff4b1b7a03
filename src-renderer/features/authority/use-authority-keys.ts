import type { CapabilityRow } from '@contract/process.ts'
import type { RefObject } from 'react'
import { sessionAddress } from '../../format/address.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { toggled, useKernelView } from '../../stores/kernel-view.ts'
import { useNotices } from '../../stores/notices.ts'
import { useView } from '../../stores/view.ts'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { type AuthorityRow, isWide, keyOfCap } from './authority.model.ts'
import type { Change } from './ChangeForm.tsx'

/** The keys of the screen; they act on the capability that is picked. */
export function useAuthorityKeys(props: {
  rows: readonly AuthorityRow[]
  cap: CapabilityRow | null
  find: RefObject<HTMLInputElement | null>
  isInspectorOpen: boolean
  isOffline: boolean
  onChange: (change: Change) => void
  onPick: (key: string) => void
}): void {
  const { rows, cap } = props
  const { authority: view, setAuthority: set } = useKernelView()
  const begin = (change: Change) => () => props.onChange(change)
  const canChange = cap !== null && !props.isOffline
  const sessionId = cap?.sessionId
  const isTree = !view.isGraph && cap !== null
  useKeyActions({
    'authority.open': sessionId
      ? () => {
          window.location.hash = sessionAddress(sessionId, 'authority')
        }
      : undefined,
    'authority.narrow': canChange && isWide(cap) ? begin('narrow') : undefined,
    'authority.expire': canChange ? begin('expire') : undefined,
    'authority.revoke': canChange ? begin('revoke') : undefined,
    'authority.graph': () => set({ isGraph: !view.isGraph }),
    'authority.collapse': isTree ? () => fold(rows, cap, props.onPick) : undefined,
    'authority.expand': isTree ? () => unfold(rows, cap, props.onPick) : undefined,
    'authority.find': () => props.find.current?.focus(),
    'authority.inspector': () => useView.getState().set({ isInspectorOpen: !props.isInspectorOpen }),
    'authority.copy-id': cap ? () => copyName(cap.target) : undefined,
    'authority.leave': () => set({ text: '' }),
  })
}

function fold(rows: readonly AuthorityRow[], cap: CapabilityRow, pick: (key: string) => void): void {
  const { authority: view, setAuthority: set } = useKernelView.getState()
  const row = rows.find((one) => one.key === keyOfCap(cap.id))
  if (row?.kind === 'held' && row.below > 0 && !row.isFolded) set({ folded: toggled(view.folded, [cap.id]) })
  else if (cap.parentId !== null) pick(keyOfCap(cap.parentId))
}

function unfold(rows: readonly AuthorityRow[], cap: CapabilityRow, pick: (key: string) => void): void {
  const { authority: view, setAuthority: set } = useKernelView.getState()
  const index = rows.findIndex((one) => one.key === keyOfCap(cap.id))
  const row = rows[index]
  const next = rows[index + 1]
  if (row?.kind !== 'held' || row.below === 0) return
  if (row.isFolded) set({ folded: toggled(view.folded, [cap.id]) })
  else if (next) pick(next.key)
}

function copyName(target: string): void {
  const { say } = useNotices.getState()
  navigator.clipboard.writeText(target).then(
    () => say({ text: `Copied ${visibleLine(target)}.`, lastsMs: 3000 }),
    () => say({ text: 'The clipboard refused it.', tone: 'danger' }),
  )
}
