import type { ActivityBody } from '../../contract/activity.ts'
import { field, itemsOf, lineOf, textOf } from './fields.ts'
import { type ToolCallReader, textOfBlock } from './tool-calls.ts'

/** What one `session/update` means for us. */
export interface ReadUpdate {
  readonly bodies: readonly ActivityBody[]
  /** Set when the agent told its cost or its context: see `readCost`. */
  readonly usage?: unknown
  /** The agent is in another mode now. */
  readonly modeId?: string
}

const nothing: ReadUpdate = { bodies: [] }

/** Kinds that say nothing to a person. */
const silent: ReadonlySet<string> = new Set([
  'user_message_chunk',
  'available_commands_update',
  'config_option_update',
  'session_info_update',
  'compaction_summary_chunk',
])

const planStatuses = { pending: 'pending', in_progress: 'in_progress', completed: 'completed' } as const

/**
 * Reads the updates of one conversation in order. Text pieces without a message id of the agent get one of ours, a new one
 * whenever something else came between, so that pieces of one message stay together.
 */
export function createUpdateReader(tools: ToolCallReader): { read(params: unknown): ReadUpdate } {
  let current: { kind: string; id: string } | undefined
  let count = 0

  const messageId = (kind: string, update: unknown): string => {
    const own = lineOf(field(update, 'messageId'), 200)
    if (own) {
      current = undefined
      return own
    }
    if (current?.kind !== kind) {
      count += 1
      current = { kind, id: `m${count}` }
    }
    return current.id
  }
  const other = (kind: string, update: unknown): ReadUpdate => {
    if (kind === 'tool_call' || kind === 'tool_call_update') {
      const body = tools.read(update)
      return body ? { bodies: [body] } : nothing
    }
    if (kind === 'plan') return readPlan(update)
    if (kind === 'usage_update') return { bodies: [], usage: update }
    if (kind === 'current_mode_update') return readMode(update)
    if (silent.has(kind)) return nothing
    return readUnknown(kind, update)
  }
  return {
    read(params) {
      const update = field(params, 'update')
      const kind = lineOf(field(update, 'sessionUpdate'), 60)
      if (!kind) return nothing
      if (kind === 'agent_message_chunk' || kind === 'agent_thought_chunk') {
        const text = textOfBlock(field(update, 'content'))
        if (!text) return nothing
        const said = kind === 'agent_message_chunk' ? ('response' as const) : ('thought' as const)
        return { bodies: [{ kind: said, messageId: messageId(kind, update), text }] }
      }
      if (!silent.has(kind) && kind !== 'usage_update') current = undefined
      return other(kind, update)
    },
  }
}

function readPlan(update: unknown): ReadUpdate {
  const entries = itemsOf(field(update, 'entries'), 100).flatMap((entry) => {
    const text = lineOf(field(entry, 'content'), 500)
    const status = String(field(entry, 'status'))
    if (!text) return []
    return [
      {
        text,
        status: Object.hasOwn(planStatuses, status) ? (status as keyof typeof planStatuses) : 'pending',
      },
    ] as const
  })
  return { bodies: [{ kind: 'plan', entries: [...entries] }] }
}

function readMode(update: unknown): ReadUpdate {
  const modeId = lineOf(field(update, 'currentModeId'), 100)
  return modeId ? { bodies: [{ kind: 'progress', text: `mode: ${modeId}` }], modeId } : nothing
}

/** Kinds of later protocol versions: what they say is shown as progress. */
function readUnknown(kind: string, update: unknown): ReadUpdate {
  const said = field(update, 'message') ?? field(update, 'text') ?? field(update, 'title')
  const text = textOf(said, 2000) ?? textOfBlock(field(update, 'content'))
  return { bodies: [{ kind: 'progress', text: text ? `${kind}: ${text}` : kind }] }
}
