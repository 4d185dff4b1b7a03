import type { ProjectId } from '../../contract/ids.ts'
import { accept, type Decision, reject } from '../decision.ts'

/** Takes a repository off the list. What ended there stays to be read; what waits or works there forbids it. */
export function decideRemoveProject(
  known: { readonly exists: boolean; readonly liveSessions: number },
  projectId: ProjectId,
): Decision {
  if (!known.exists) return reject('project_not_found', { projectId })
  if (known.liveSessions > 0) return reject('project_in_use', { projectId, sessions: known.liveSessions })
  return accept([{ type: 'project.removed', subject: projectId, payload: { projectId } }])
}
