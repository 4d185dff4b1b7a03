import { create } from 'zustand'

/** What the new-session sheet starts from. */
export interface NewSessionStart {
  readonly projectId?: string
  readonly continues?: string
  readonly title?: string
  readonly agent?: string
  readonly prompt?: string
}

/** A session as a question about it names it. */
export interface NamedSession {
  readonly id: string
  readonly title: string
}

/** Which layer lies above the screen. */
export type Overlay =
  | { readonly kind: 'none' }
  | { readonly kind: 'palette' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'new-session'; readonly start: NewSessionStart }
  | {
      readonly kind: 'confirm'
      readonly verb: 'stop' | 'discard'
      readonly sessions: readonly NamedSession[]
    }

interface OverlayState {
  readonly overlay: Overlay
  open(overlay: Overlay): void
  close(): void
}

/** At most one layer is open. */
export const useOverlay = create<OverlayState>((set) => ({
  overlay: { kind: 'none' },
  open: (overlay) => set({ overlay }),
  close: () => set({ overlay: { kind: 'none' } }),
}))
