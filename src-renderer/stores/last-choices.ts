import { create } from 'zustand'
import { persist } from 'zustand/middleware'

/** What a project's last session was started with, as typed; empty where the settings decided. */
export interface LastChoice {
  readonly agent: string
  readonly model: string
  readonly money: string
  readonly tokens: string
  readonly toolCalls: string
  readonly minutes: string
}

interface ChoiceState {
  readonly lastProject: string
  readonly byProject: Readonly<Record<string, LastChoice>>
  remember(projectId: string, choice: LastChoice): void
}

/** The last choices by project, kept over a reload. */
export const useLastChoices = create<ChoiceState>()(
  persist(
    (set) => ({
      lastProject: '',
      byProject: {},
      remember: (projectId, choice) =>
        set(({ byProject }) => ({
          lastProject: projectId,
          byProject: { ...byProject, [projectId]: choice },
        })),
    }),
    {
      name: 'signalbox.last-choices',
      partialize: ({ lastProject, byProject }) => ({ lastProject, byProject }),
    },
  ),
)
