import type { AnyMessage } from '@agentclientprotocol/sdk'
import type { Clock } from '../../ports/clock.ts'
import type { ChildIdentity } from '../../ports/executor.ts'
import type { RuntimeSession } from '../../ports/runtime.ts'
import type { GrantedFile } from './credentials.ts'
import { field, itemsOf } from './fields.ts'
import type { MessageStream } from './message-stream.ts'

/** What a conversation is taken up again with after a crash of the app. */
export interface AgentMemory {
  /** The conversation stands; from now on its state is stored. */
  begin(known: {
    readonly acpSessionId: string
    readonly granted: readonly GrantedFile[]
    readonly messages: MessageStream
    readonly promptId?: number
  }): void
  /** Called just before a prompt is sent; it is stored as soon as it has been. */
  promptStarted(): void
  promptEnded(): void
  /** The position moved: it is stored soon, not each time. */
  readonly onMoved: () => void
  save(): void
  end(): void
}

export interface RememberedAgent {
  readonly acpSessionId: string
  readonly bytes: number
  readonly nextId: number
  /** The prompt that was under way; null = none. */
  readonly promptId: number | null
  readonly open: readonly AnyMessage[]
  readonly granted: readonly GrantedFile[]
}

const saveEveryMs = 250
const maxOpenLength = 256 * 1024

export function createAgentMemory(
  session: Pick<RuntimeSession, 'rememberChild'>,
  identity: ChildIdentity,
  clock: Clock,
): AgentMemory {
  let known: Parameters<AgentMemory['begin']>[0] | undefined
  let promptId: number | null = null
  let stopTimer: (() => void) | undefined
  let isPromptUnsaved = false
  const save = () => {
    isPromptUnsaved = false
    stopTimer?.()
    stopTimer = undefined
    if (!known) return
    const { bytes, nextId, open } = known.messages.position()
    const openText = JSON.stringify(open)
    session.rememberChild(identity, {
      acpSessionId: known.acpSessionId,
      bytes,
      nextId,
      promptId: promptId ?? -1,
      // Too much to keep: those requests get no answer after a crash, and the agent's own time-outs apply.
      open: openText.length > maxOpenLength ? '[]' : openText,
      granted: JSON.stringify(known.granted),
    })
  }
  return {
    begin(next) {
      known = next
      promptId = next.promptId ?? null
      save()
    },
    promptStarted() {
      // Ids are given in the order of the requests, and all earlier ones have been sent.
      promptId = known?.messages.position().nextId ?? null
      isPromptUnsaved = true
    },
    promptEnded() {
      promptId = null
      save()
    },
    onMoved() {
      if (!known) return
      if (isPromptUnsaved && known.messages.position().nextId > (promptId ?? -1)) save()
      else stopTimer ??= clock.after(saveEveryMs, save)
    },
    save,
    end() {
      stopTimer?.()
      stopTimer = undefined
      known = undefined
    },
  }
}

/** Reads what was remembered; undefined when it does not hold what is needed. */
export function readMemory(resume: Readonly<Record<string, string | number>>): RememberedAgent | undefined {
  const { acpSessionId, bytes, nextId, promptId, open, granted } = resume
  if (typeof acpSessionId !== 'string' || typeof bytes !== 'number' || typeof nextId !== 'number')
    return undefined
  return {
    acpSessionId,
    bytes,
    nextId,
    promptId: typeof promptId === 'number' && promptId >= 0 ? promptId : null,
    open: listIn(open).filter(
      (message): message is AnyMessage => typeof field(message, 'method') === 'string',
    ),
    granted: listIn(granted).flatMap((file) => {
      const path = field(file, 'path')
      const hash = field(file, 'hash')
      return typeof path === 'string' && typeof hash === 'string' ? [{ path, hash }] : []
    }),
  }
}

function listIn(text: string | number | undefined): readonly unknown[] {
  try {
    return itemsOf(JSON.parse(String(text)), 1000)
  } catch {
    return []
  }
}
