import * as z from 'zod'
import { AtMs, Count, PathText, ProjectId, UsdNanos } from './ids.ts'
import { command, query } from './procedure.ts'
import { Done } from './session.ts'

/** What all sessions of a project together may use in one UTC day; checked when a session is admitted. null = no limit. */
export const ProjectBudget = z.object({
  dailyUsdNanos: UsdNanos.nullable(),
  dailyTokens: Count.nullable(),
})
export type ProjectBudget = z.infer<typeof ProjectBudget>

/** A repository the user let Signalbox work on. */
export const Project = z.object({
  id: ProjectId,
  name: z.string(),
  path: z.string(),
  addedAtMs: AtMs,
  sessions: Count,
  working: Count,
  budget: ProjectBudget,
  usedToday: z.object({ usdNanos: UsdNanos, tokens: Count }),
})
export type Project = z.infer<typeof Project>

export const project = {
  list: query({ input: z.object({}), output: z.array(Project) }),
  add: command({
    input: z.object({
      path: PathText,
      name: z.string().trim().min(1).max(100).optional(),
    }),
    output: Done.extend({ projectId: ProjectId }),
    errors: [
      'not_a_repository',
      'path_not_found',
      'path_not_readable',
      'repository_other_owner',
      'git_missing',
      'git_failed',
    ],
  }),
  /** Lets the user pick a folder in the system's own dialog; null when there is none to show, or nothing was picked. */
  chooseFolder: command({ input: z.object({}), output: z.object({ path: z.string().nullable() }) }),
  setBudget: command({
    input: z.object({ projectId: ProjectId, budget: ProjectBudget }),
    output: Done,
    errors: ['project_not_found'],
  }),
  remove: command({
    input: z.object({ projectId: ProjectId }),
    output: Done,
    errors: ['project_not_found', 'project_in_use'],
  }),
}
