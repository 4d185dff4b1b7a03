import type { ActivityBody } from '../../contract/session.ts'
import type { Mask } from './mask.ts'
import { createStreamMask, type StreamMask } from './stream-mask.ts'

export interface ActivityMask {
  /** The activities that may be stored now, in order: none while a text is held back, two when a held one goes first. */
  push(body: ActivityBody): readonly ActivityBody[]
  /** What is still held; call it when a turn or the session ends. */
  end(): readonly ActivityBody[]
}

type Spoken = Extract<ActivityBody, { kind: 'response' | 'thought' }>

/** Masks all an agent says before it is stored, also what is cut in two between pieces of one message. */
export function createActivityMask(mask: Mask): ActivityMask {
  let open:
    | { readonly kind: Spoken['kind']; readonly messageId: string; readonly stream: StreamMask }
    | undefined
  const end = (): ActivityBody[] => {
    const last = open
    open = undefined
    const text = last?.stream.end() ?? ''
    return last && text !== '' ? [{ kind: last.kind, messageId: last.messageId, text }] : []
  }
  const say = (body: Spoken): ActivityBody[] => {
    const { kind, messageId } = body
    const earlier = open && (open.kind !== kind || open.messageId !== messageId) ? end() : []
    open ??= { kind, messageId, stream: createStreamMask(mask) }
    const text = open.stream.push(body.text)
    return text === '' ? earlier : [...earlier, { kind, messageId, text }]
  }
  return {
    push: (body) =>
      body.kind === 'response' || body.kind === 'thought' ? say(body) : [...end(), maskBody(body, mask)],
    end,
  }
}

/** Ids and states are ours or matched by equality; everything else an agent may have written. */
function maskBody(body: Exclude<ActivityBody, Spoken>, mask: Mask): ActivityBody {
  const hide = mask.mask
  switch (body.kind) {
    case 'prompt':
    case 'progress':
    case 'error':
      return { ...body, text: hide(body.text) }
    case 'plan':
      return { ...body, entries: body.entries.map((entry) => ({ ...entry, text: hide(entry.text) })) }
    case 'refused':
      return { ...body, what: hide(body.what), reason: hide(body.reason) }
    case 'asked':
      return { ...body, title: hide(body.title) }
    case 'answered':
      return { ...body, outcome: hide(body.outcome) }
    case 'tool':
      return maskTool(body, hide)
  }
}

type ToolBody = Extract<ActivityBody, { kind: 'tool' }>

function maskTool(body: ToolBody, hide: (text: string) => string): ToolBody {
  const { title, input, output, paths, command } = body
  return {
    ...body,
    ...(title === undefined ? {} : { title: hide(title) }),
    ...(input === undefined ? {} : { input: hide(input) }),
    ...(output === undefined ? {} : { output: hide(output) }),
    ...(paths === undefined ? {} : { paths: paths.map(hide) }),
    ...(command === undefined ? {} : { command: command.map(hide) }),
  }
}
