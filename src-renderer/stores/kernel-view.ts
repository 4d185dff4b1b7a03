import type { ModelCall, ProcessRow } from '@contract/process.ts'
import { create } from 'zustand'

export type ProcessSort =
  | 'pid'
  | 'name'
  | 'state'
  | 'priority'
  | 'mailbox'
  | 'tokens'
  | 'money'
  | 'tools'
  | 'wall'
  | 'memory'
  | 'speed'
  | 'caps'
  | 'program'

interface ProcessView {
  readonly isTree: boolean
  readonly sort: ProcessSort
  readonly isDescending: boolean
  readonly text: string
  readonly state: ProcessRow['state'] | 'any'
  readonly active: number | null
  readonly selected: ReadonlySet<string>
  readonly folded: ReadonlySet<number>
}

interface AuthorityView {
  readonly isGraph: boolean
  readonly text: string
  readonly active: string | null
  readonly folded: ReadonlySet<number>
}

export type ModelsPart = 'calls' | 'providers' | 'prices'

interface ModelsView {
  readonly part: ModelsPart
  readonly text: string
  readonly provider: string
  readonly state: ModelCall['state'] | 'any'
  readonly active: string | null
}

/** How the screens of the kernel are looked at: nothing that a reload may not lose. */
interface KernelViewState {
  readonly processes: ProcessView
  readonly authority: AuthorityView
  readonly models: ModelsView
  setProcesses(change: Partial<ProcessView>): void
  setAuthority(change: Partial<AuthorityView>): void
  setModels(change: Partial<ModelsView>): void
}

const noneSelected: ReadonlySet<string> = new Set()
const noneFolded: ReadonlySet<number> = new Set()

/** View state of Processes, Authority and Models. */
export const useKernelView = create<KernelViewState>((set) => ({
  processes: {
    isTree: true,
    sort: 'speed',
    isDescending: true,
    text: '',
    state: 'any',
    active: null,
    selected: noneSelected,
    folded: noneFolded,
  },
  authority: { isGraph: false, text: '', active: null, folded: noneFolded },
  models: { part: 'calls', text: '', provider: 'any', state: 'any', active: null },
  setProcesses: (change) => set((now) => ({ processes: { ...now.processes, ...change } })),
  setAuthority: (change) => set((now) => ({ authority: { ...now.authority, ...change } })),
  setModels: (change) => set((now) => ({ models: { ...now.models, ...change } })),
}))

/** The set with the item added, or taken out where it was in. */
export function toggled<T>(set: ReadonlySet<T>, items: readonly T[]): ReadonlySet<T> {
  const next = new Set(set)
  const isAdding = items.some((item) => !next.has(item))
  for (const item of items) isAdding ? next.add(item) : next.delete(item)
  return next
}
