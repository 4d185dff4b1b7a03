import type { ProjectId } from '../../contract/ids.ts'
import { accept, type Decision } from '../decision.ts'

/** Adds a repository once; the same folder again is the same project. */
export function decideAddProject(
  known: { readonly sameFolder: ProjectId | undefined },
  input: { readonly projectId: ProjectId; readonly path: string; readonly name: string },
): Decision {
  if (known.sameFolder !== undefined) return accept([])
  return accept([{ type: 'project.added', subject: input.projectId, payload: input }])
}
