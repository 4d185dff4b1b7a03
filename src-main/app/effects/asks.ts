import { AskId } from '../../contract/ids.ts'
import type { AskOption } from '../../contract/session.ts'
import type { Clock, Ids } from '../../ports/clock.ts'
import type { AskOutcome, AskRequest } from '../../ports/runtime.ts'
import type { Ledger } from './ledger.ts'

interface Waiting {
  readonly sessionId: string
  readonly options: readonly AskOption[]
  readonly settle: (outcome: AskOutcome) => void
}

/** How long a question waits for a person before it counts as refused. */
export const askLifetimeMs = 24 * 60 * 60_000

const cut = (text: string, length: number) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

interface AskParts {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly ids: Ids
}

/** The question as it is recorded: everything that an agent wrote is bounded. */
function boundedAsk(askId: AskId, request: AskRequest, askedAtMs: number) {
  return {
    id: askId,
    toolCallId: request.toolCallId,
    title: cut(request.title, 500),
    command: request.command ? request.command.slice(0, 200).map((word) => cut(word, 4000)) : null,
    paths: request.paths.slice(0, 100).map((path) => cut(path, 4096)),
    hosts: request.hosts.slice(0, 100).map((host) => cut(host, 300)),
    why: cut(request.why, 2000),
    options: request.options
      .slice(0, 20)
      .map((option) => ({ ...option, id: cut(option.id, 200), label: cut(option.label, 200) })),
    askedAtMs,
    expiresAtMs: askedAtMs + askLifetimeMs,
  }
}

/** Questions that wait for a person. The facts say what is open; this holds who is to be woken. */
export function createAsks({ ledger, clock, ids }: AskParts) {
  const waiting = new Map<string, Waiting>()
  const withdraw = (askId: AskId, entry: Waiting, outcome: 'expired' | 'withdrawn') => {
    if (!waiting.delete(askId)) return
    const payload = { askId, optionId: null, outcome, note: null }
    ledger.record([{ type: 'session.answered', subject: entry.sessionId, payload }])
    ledger.appendActivity(entry.sessionId, { kind: 'answered', askId, outcome })
    entry.settle({ kind: 'cancelled' })
  }
  return {
    /** Records the question and waits for its answer; the signal withdraws it. */
    ask(sessionId: string, request: AskRequest, signal: AbortSignal): Promise<AskOutcome> {
      if (signal.aborted) return Promise.resolve({ kind: 'cancelled' })
      const askId = AskId.parse(`ask-${ids.short()}`)
      const payload = boundedAsk(askId, request, clock.nowMs())
      return new Promise((settle) => {
        const entry: Waiting = { sessionId, options: payload.options, settle }
        waiting.set(askId, entry)
        ledger.record([{ type: 'session.asked', subject: sessionId, payload }])
        ledger.appendActivity(sessionId, { kind: 'asked', askId, title: payload.title })
        const cancelTimer = clock.after(askLifetimeMs, () => withdraw(askId, entry, 'expired'))
        signal.addEventListener('abort', () => {
          cancelTimer()
          withdraw(askId, entry, 'withdrawn')
        })
      })
    },
    /** Wakes the asker; the answer is already a fact. Twice is harmless. */
    settle(askId: string, optionId: string): void {
      const entry = waiting.get(askId)
      const option = entry?.options.find((candidate) => candidate.id === optionId)
      if (!entry || !option) return
      waiting.delete(askId)
      const outcome = option.label
      ledger.appendActivity(entry.sessionId, { kind: 'answered', askId: AskId.parse(askId), outcome })
      entry.settle({ kind: 'selected', optionId, optionKind: option.kind })
    },
  }
}

export type Asks = ReturnType<typeof createAsks>
