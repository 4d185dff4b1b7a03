import type { SignalboxContract } from '@contract/index.ts'
import type { InputOf } from '@contract/procedure.ts'
import { create } from 'zustand'

export type FleetView = 'all' | 'needs-you' | 'working' | 'to-review' | 'queue' | 'ended'
export type FleetGroup = 'project' | 'state' | 'agent' | 'none'
export type FleetSort = NonNullable<InputOf<SignalboxContract['session']['list']>['sort']>

/** How the lists are looked at, and what is picked in them: nothing that a reload may not lose. */
interface ViewState {
  readonly view: FleetView
  readonly group: FleetGroup
  readonly sort: FleetSort
  readonly text: string
  readonly active: string | null
  readonly selected: ReadonlySet<string>
  readonly isSplitDiff: boolean
  readonly ignoresWhiteSpace: boolean
  /** Null until it is opened or closed by hand: then it shows where there is room beside the list. */
  readonly isInspectorOpen: boolean | null
  set(change: Partial<Omit<ViewState, 'set' | 'toggle' | 'clearSelected'>>): void
  toggle(ids: readonly string[]): void
  clearSelected(): void
}

const none: ReadonlySet<string> = new Set()

/** View state of the lists and the diff. */
export const useView = create<ViewState>((set) => ({
  view: 'all',
  group: 'project',
  sort: 'attention',
  text: '',
  active: null,
  selected: none,
  isSplitDiff: false,
  ignoresWhiteSpace: false,
  isInspectorOpen: null,
  set: (change) => set(change),
  toggle: (ids) =>
    set(({ selected }) => {
      const next = new Set(selected)
      const isAdding = ids.some((id) => !next.has(id))
      for (const id of ids) isAdding ? next.add(id) : next.delete(id)
      return { selected: next }
    }),
  clearSelected: () => set({ selected: none }),
}))
