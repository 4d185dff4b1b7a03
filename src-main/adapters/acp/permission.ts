import type { RequestPermissionResponse } from '@agentclientprotocol/sdk'
import type { AskOption } from '../../contract/session.ts'
import type { AskOutcome, AskRequest } from '../../ports/runtime.ts'
import { field, itemsOf, lineOf, textOf } from './fields.ts'
import { readCommand, readPaths, textOfBlock } from './tool-calls.ts'

const optionKinds: ReadonlySet<string> = new Set([
  'allow_once',
  'allow_always',
  'reject_once',
  'reject_always',
])

/** The question as it is put to a person, and the way back from our option ids to those of the agent. */
export interface PermissionQuestion {
  readonly ask: AskRequest
  /** Our ids are short and safe to show; the agent's may be anything. */
  readonly agentIdOf: ReadonlyMap<string, string>
}

/** Reads a permission request. Options of unknown kinds are left out: what they would allow can't be told. */
export function readPermission(
  request: { readonly toolCall: unknown; readonly options: unknown },
  workareaPath: string,
): PermissionQuestion {
  const call = request.toolCall
  const agentIdOf = new Map<string, string>()
  const options: AskOption[] = []
  for (const option of itemsOf(request.options, 12)) {
    const kind = field(option, 'kind')
    const agentId = field(option, 'optionId')
    if (typeof kind !== 'string' || !optionKinds.has(kind) || typeof agentId !== 'string') continue
    const id = `${kind}-${options.length + 1}`
    agentIdOf.set(id, agentId)
    options.push({
      id,
      kind: kind as AskOption['kind'],
      label: lineOf(field(option, 'name'), 120) || kind.replace('_', ' '),
    })
  }
  return {
    agentIdOf,
    ask: {
      toolCallId: lineOf(field(call, 'toolCallId'), 200) ?? null,
      title: lineOf(field(call, 'title'), 300) || 'Use a tool',
      command: readCommand(field(call, 'rawInput')) ?? null,
      paths: readPaths(call, workareaPath),
      hosts: hostsOf(field(call, 'rawInput')),
      why: reasonOf(call),
      options,
    },
  }
}

/** The answer on the wire: the option itself, else one of the same kind, else `cancelled`. */
export function permissionAnswer(
  question: PermissionQuestion,
  outcome: AskOutcome,
): RequestPermissionResponse {
  if (outcome.kind === 'cancelled') return { outcome: { outcome: 'cancelled' } }
  const same = question.ask.options.find(({ kind }) => kind === outcome.optionKind)?.id ?? ''
  const optionId = question.agentIdOf.get(outcome.optionId) ?? question.agentIdOf.get(same)
  return optionId === undefined
    ? { outcome: { outcome: 'cancelled' } }
    : { outcome: { outcome: 'selected', optionId } }
}

/** Hosts of the addresses in a call's input, `host:port`. */
function hostsOf(rawInput: unknown): string[] {
  const found = ['url', 'uri', 'endpoint'].flatMap((name) => {
    const address = field(rawInput, name)
    if (typeof address !== 'string' || !URL.canParse(address)) return []
    const { hostname, port, protocol } = new URL(address)
    const usual = protocol === 'https:' ? '443' : '80'
    return /^https?:$/.test(protocol) ? [`${hostname}:${port || usual}`] : []
  })
  return [...new Set(found)]
}

function reasonOf(call: unknown): string {
  const input = field(call, 'rawInput')
  const own = field(input, 'reason') ?? field(input, 'description') ?? field(input, 'justification')
  if (typeof own === 'string') return textOf(own, 1000) ?? ''
  const texts = itemsOf(field(call, 'content'), 5)
    .filter((content) => field(content, 'type') === 'content')
    .flatMap((content) => textOfBlock(field(content, 'content')) ?? [])
  return textOf(texts.join('\n'), 1000) ?? ''
}
