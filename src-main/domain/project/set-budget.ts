import type { ProjectId } from '../../contract/ids.ts'
import type { ProjectBudget } from '../../contract/project.ts'
import { accept, type Decision, reject } from '../decision.ts'

/** Sets what a project's sessions may use in a day; what it is already is acknowledged. */
export function decideSetProjectBudget(
  known: { readonly isRemoved: boolean; readonly budget: ProjectBudget } | undefined,
  projectId: ProjectId,
  budget: ProjectBudget,
): Decision {
  if (!known || known.isRemoved) return reject('project_not_found', { projectId })
  const isSame =
    known.budget.dailyUsdNanos === budget.dailyUsdNanos && known.budget.dailyTokens === budget.dailyTokens
  if (isSame) return accept([])
  return accept([{ type: 'project.budgetChanged', subject: projectId, payload: { projectId, budget } }])
}
