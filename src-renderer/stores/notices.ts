import { create } from 'zustand'

/** A short message at the foot of the window, with at most one thing to do about it. */
export interface Notice {
  readonly id: number
  readonly tone: 'plain' | 'danger'
  readonly text: string
  readonly todo: string | null
  readonly actionLabel: string | null
  readonly onAction: (() => void) | null
  readonly lastsMs: number
}

export type NewNotice = Pick<Notice, 'text'> & Partial<Omit<Notice, 'id' | 'text'>>

interface NoticeState {
  readonly notices: readonly Notice[]
  readonly nextId: number
  say(notice: NewNotice): void
  dismiss(id: number): void
}

const most = 3

/** What is said at the foot; the oldest goes when a fourth comes. */
export const useNotices = create<NoticeState>((set) => ({
  notices: [],
  nextId: 1,
  say: (notice) =>
    set(({ notices, nextId }) => ({
      nextId: nextId + 1,
      notices: [
        ...notices.slice(-(most - 1)),
        {
          tone: 'plain',
          todo: null,
          actionLabel: null,
          onAction: null,
          lastsMs: 10_000,
          ...notice,
          id: nextId,
        },
      ],
    })),
  dismiss: (id) => set(({ notices }) => ({ notices: notices.filter((one) => one.id !== id) })),
}))
