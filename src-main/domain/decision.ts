import type { ErrorCode, ErrorData } from '../contract/errors.ts'
import type { NewFact } from '../contract/events.ts'
import type { AskOption } from '../contract/session.ts'

/** What outside work needs to know, per kind. The session it is for stands beside it. */
export interface EffectPayloads {
  'session.run': Record<never, never>
  'session.stop': Record<never, never>
  'session.pause': Record<never, never>
  'session.resume': Record<never, never>
  'session.prompt': { readonly promptId: string; readonly text: string }
  'session.answer': {
    readonly askId: string
    readonly optionId: string
    readonly optionKind: AskOption['kind']
    readonly note: string | null
  }
  'workarea.discard': { readonly workareaId: string; readonly keepResult: boolean }
}

export type EffectKind = keyof EffectPayloads

/** Outside work that a decision owes. The same `key` twice is one piece of work. */
export type NewEffect = {
  [K in EffectKind]: {
    readonly kind: K
    readonly key: string
    readonly sessionId: string
    readonly payload: EffectPayloads[K]
  }
}[EffectKind]

export interface Acceptance {
  readonly kind: 'accept'
  readonly facts: readonly NewFact[]
  readonly effects: readonly NewEffect[]
}

export interface Rejection {
  readonly kind: 'reject'
  readonly code: ErrorCode
  readonly data: ErrorData<ErrorCode>
}

/** What a command leads to: facts and owed effects, or an expected "no" as data. */
export type Decision = Acceptance | Rejection

export function accept(facts: readonly NewFact[], effects: readonly NewEffect[] = []): Acceptance {
  return { kind: 'accept', facts, effects }
}

export function reject<C extends ErrorCode>(code: C, data: ErrorData<C>): Rejection {
  return { kind: 'reject', code, data }
}
