import { SignalboxError } from '../../contract/errors.ts'
import type { Fact } from '../../contract/events.ts'
import { ProjectId } from '../../contract/ids.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import { decideAddProject } from '../../domain/project/add.ts'
import { decideRemoveProject } from '../../domain/project/remove.ts'
import { decideSetProjectBudget } from '../../domain/project/set-budget.ts'
import type { AppParts } from '../app-parts.ts'
import { useToday } from '../budgets.ts'
import type { CommandCall, CommandSpec } from '../dispatch.ts'

interface Added {
  readonly projectId: ProjectId
  readonly atSeq: number
}

/** Adds the repository that a folder belongs to, once it was looked at. */
export function addProject(
  parts: AppParts,
  input: { readonly path: string; readonly name?: string | undefined },
  call: CommandCall & { readonly signal?: AbortSignal },
): Promise<Added> {
  const { store, ids, dispatcher, powers } = parts
  return parts.once(call.commandId, async () => {
    let root = ''
    const spec: CommandSpec<Added> = {
      types: ['project.added'],
      decide: () =>
        decideAddProject(
          { sameFolder: store.projects.byPath(root) },
          {
            projectId: ProjectId.parse(`prj-${ids.short()}`),
            path: root,
            name: input.name ?? nameOf(root),
          },
        ),
      reply: (facts, atSeq) => ({ atSeq, projectId: addedId(parts, facts, root) }),
    }
    const earlier = dispatcher.answered(call, spec)
    if (earlier) return earlier
    root = (await powers.workareas.inspect(input.path, call.signal)).root
    return dispatcher.dispatch(call, spec)
  })
}

function addedId({ store }: AppParts, facts: readonly Fact[], root: string): ProjectId {
  const [first] = facts
  const known = first?.type === 'project.added' ? first.payload.projectId : store.projects.byPath(root)
  if (known === undefined) throw new SignalboxError('internal', {})
  return known
}

/** The last part of a path, whichever way its slashes lean. */
function nameOf(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '')
  return (parts.at(-1) ?? path).slice(0, 100) || path.slice(0, 100)
}

/** Which repositories may be worked on. */
export function createProjectHandlers(parts: AppParts): Handlers<SignalboxContract>['project'] {
  const { store, dispatcher } = parts
  return {
    list: () => store.projects.list().map((one) => ({ ...one, usedToday: useToday(parts, one.id) })),
    add: (input, context) => addProject(parts, input, context),
    // The daemon has no dialog; a window answers this itself.
    chooseFolder: () => ({ path: null }),
    setBudget: ({ projectId, budget }, context) =>
      dispatcher.dispatch(context, {
        types: ['project.budgetChanged'],
        subject: projectId,
        decide: () => decideSetProjectBudget(store.projects.read(projectId), projectId, budget),
        reply: (_facts, atSeq) => ({ atSeq }),
      }),
    remove: ({ projectId }, context) =>
      dispatcher.dispatch(context, {
        types: ['project.removed'],
        subject: projectId,
        decide() {
          const found = store.projects.read(projectId)
          const known = {
            exists: found !== undefined && !found.isRemoved,
            liveSessions: store.projects.liveSessions(projectId),
          }
          return decideRemoveProject(known, projectId)
        },
        reply: (_facts, atSeq) => ({ atSeq }),
      }),
  }
}
