import type { SessionId } from '../../contract/ids.ts'
import type { Budget, Payment, RuntimeKind, SubmitInput } from '../../contract/session.ts'
import { accept, type Decision, reject } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/** What is known when a session is submitted. */
export interface SubmitFacts {
  readonly sessionId: SessionId
  readonly hasProject: boolean
  readonly isDraining: boolean
  readonly runtime: RuntimeKind
  readonly payment: Payment
  readonly defaultBudget: Budget
  /** The session to go on from, when there is one by that id. */
  readonly continued: SessionState | undefined
  /** Another session that works in the same workarea now or waits to. */
  readonly continuedBy: SessionId | undefined
  /** The session whose recording answers its model calls. */
  readonly replays: SessionId | undefined
}

const longestTitle = 80

/** The first line of a prompt, cut at a word where that keeps most of it. */
export function titleOf(prompt: string): string {
  const line = prompt.trim().split('\n', 1)[0]?.replaceAll(/\s+/g, ' ').trim() ?? ''
  if (line.length <= longestTitle) return line
  const cut = line.slice(0, longestTitle - 1)
  const space = cut.lastIndexOf(' ')
  return `${(space > longestTitle / 2 ? cut.slice(0, space) : cut).toWellFormed()}…`
}

export function decideSubmit(known: SubmitFacts, input: SubmitInput): Decision {
  if (known.isDraining) return reject('daemon_draining', {})
  if (!known.hasProject) return reject('project_not_found', { projectId: input.projectId })
  if (input.continues !== undefined) {
    const refusal = refuseContinue(known, input)
    if (refusal) return refusal
  }
  return accept([
    {
      type: 'session.accepted',
      subject: known.sessionId,
      payload: {
        title: input.title || titleOf(input.prompt),
        prompt: input.prompt,
        projectId: input.projectId,
        agent: input.agent,
        runtime: known.runtime,
        model: input.model,
        payment: known.payment,
        budget: mergeBudget(known.defaultBudget, input.budget),
        base: input.base ?? null,
        carryChanges: input.carryChanges,
        priority: input.priority,
        continues: input.continues ?? null,
        hosts: input.hosts,
        acceptUnconfined: input.acceptUnconfined,
        ...(known.replays === undefined ? {} : { replays: known.replays }),
      },
    },
  ])
}

/** A follow-up needs a session that has ended and a workarea that is still there and not in use. */
function refuseContinue({ continued, continuedBy }: SubmitFacts, input: SubmitInput): Decision | undefined {
  const sessionId = input.continues ?? ''
  if (!continued || continued.row.projectId !== input.projectId)
    return reject('session_not_found', { sessionId })
  if (!isEnded(continued.row)) return reject('session_still_running', { sessionId })
  if (continuedBy !== undefined) return reject('session_still_running', { sessionId: continuedBy })
  const { workareaId } = continued.row
  if (workareaId === null || continued.extras.isReleased)
    return reject('workarea_gone', { workareaId: workareaId ?? '' })
  return undefined
}

type PartialBudget = SubmitInput['budget']

function mergeBudget(defaults: Budget, given: PartialBudget): Budget {
  return {
    tokens: given.tokens === undefined ? defaults.tokens : given.tokens,
    usdNanos: given.usdNanos === undefined ? defaults.usdNanos : given.usdNanos,
    toolCalls: given.toolCalls === undefined ? defaults.toolCalls : given.toolCalls,
    wallMs: given.wallMs === undefined ? defaults.wallMs : given.wallMs,
  }
}
