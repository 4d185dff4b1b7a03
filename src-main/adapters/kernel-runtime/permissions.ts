import type { AskOption, Confinement } from '../../contract/session.ts'
import type { Decision, PendingAction, Permission } from '../../harness/core/permission.ts'
import type { RuntimeSession } from '../../ports/runtime.ts'
import { riskOf } from './command-risk.ts'
import { commandOf } from './tools.ts'

const options: readonly AskOption[] = [
  { id: 'allow', kind: 'allow_once', label: 'Allow once' },
  { id: 'always', kind: 'allow_always', label: 'Allow this very call for the session' },
  { id: 'reject', kind: 'reject_once', label: 'Refuse' },
]

/** Who may do what in this session: the kernel's door decides about tools, a person about what can't be undone. */
export function createPermissions(
  session: Pick<RuntimeSession, 'door' | 'ask'>,
  confinement: Confinement,
  callPrefix: string,
) {
  const agreed = new Set<string>()
  const whyAsk = (tool: string, args: Readonly<Record<string, unknown>>): string | undefined => {
    if (tool !== 'run_command') return undefined
    const risk = riskOf(String(args.command))
    return (
      risk ??
      (confinement.files ? undefined : 'This session is not confined, so the command can reach your files.')
    )
  }
  const permission: Permission = {
    authorize: (tool) => session.door.open(`tool:${tool.name}`, `Use ${tool.name}`),
    confirm: (tool, args) => {
      if (agreed.has(keyOf(tool.name, args))) return 'allow'
      return whyAsk(tool.name, args) === undefined ? 'allow' : 'ask'
    },
  }
  const confirm = async (action: PendingAction): Promise<Decision> => {
    const isCommand = action.tool === 'run_command'
    const answer = await session.ask({
      toolCallId: `${callPrefix}${action.callId}`,
      title: action.summary,
      command: isCommand ? commandOf(action.args) : null,
      paths: [],
      hosts: [],
      why: whyAsk(action.tool, action.args) ?? '',
      options,
    })
    if (answer.kind === 'cancelled') return { kind: 'denied', reason: 'the question was withdrawn' }
    if (answer.optionKind === 'allow_always') agreed.add(keyOf(action.tool, action.args))
    const isAllowed = answer.optionKind === 'allow_once' || answer.optionKind === 'allow_always'
    return isAllowed ? { kind: 'approved' } : { kind: 'denied', reason: 'do it another way, or ask' }
  }
  return { permission, confirm }
}

function keyOf(tool: string, args: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([tool, args])
}
