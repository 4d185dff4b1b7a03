import { create } from 'zustand'
import { persist } from 'zustand/middleware'

/** A draft on one line of a session's changes; nobody but you sees it until it is sent. */
export interface ReviewNote {
  readonly id: string
  readonly path: string
  readonly side: 'old' | 'new'
  readonly line: number
  /** The line's text as it was, to find it again when the agent moves it; foreign. */
  readonly quote: string
  readonly text: string
}

interface NoteState {
  readonly notes: Readonly<Record<string, readonly ReviewNote[]>>
  put(sessionId: string, note: ReviewNote): void
  remove(sessionId: string, noteId: string): void
  clear(sessionId: string): void
}

/** Sessions whose drafts are kept; the oldest are let go. */
const mostSessions = 50

/** Draft notes by session, kept over a reload. */
export const useReviewNotes = create<NoteState>()(
  persist(
    (set) => ({
      notes: {},
      put: (sessionId, note) =>
        set(({ notes }) => {
          const there = notes[sessionId] ?? []
          const known = there.some((one) => one.id === note.id)
          const next = known ? there.map((one) => (one.id === note.id ? note : one)) : [...there, note]
          return { notes: lastOf({ ...notes, [sessionId]: next }) }
        }),
      remove: (sessionId, noteId) =>
        set(({ notes }) => {
          const left = (notes[sessionId] ?? []).filter((one) => one.id !== noteId)
          return { notes: left.length === 0 ? without(notes, sessionId) : { ...notes, [sessionId]: left } }
        }),
      clear: (sessionId) => set(({ notes }) => ({ notes: without(notes, sessionId) })),
    }),
    { name: 'signalbox.review-notes', partialize: ({ notes }) => ({ notes }) },
  ),
)

const none: readonly ReviewNote[] = []

/** The drafts of one session, in the order they were made. */
export function useNotesOf(sessionId: string): readonly ReviewNote[] {
  return useReviewNotes((state) => state.notes[sessionId] ?? none)
}

function without<T>(all: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== key))
}

function lastOf<T>(all: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).slice(-mostSessions))
}
