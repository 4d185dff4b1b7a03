import type { Ask } from '../../contract/session.ts'
import { accept, type Decision, reject } from '../decision.ts'

/** A question as the projections hold it. */
export interface KnownAsk {
  readonly ask: Ask
  readonly isOpen: boolean
  readonly answeredBy: string | null
}

/** A question is answered once, by one of its own options. */
export function decideAnswer(
  known: KnownAsk | undefined,
  input: { readonly askId: string; readonly optionId: string; readonly note?: string | undefined },
): Decision {
  if (!known?.isOpen) {
    const answeredBy = known?.answeredBy ?? null
    return reject('ask_not_open', {
      askId: input.askId,
      ...(answeredBy === null ? {} : { answeredBy }),
    })
  }
  const option = known.ask.options.find((one) => one.id === input.optionId)
  if (!option) return reject('option_unknown', { optionId: input.optionId })
  const note = input.note ?? null
  const { id, sessionId } = known.ask
  return accept(
    [
      {
        type: 'session.answered',
        subject: sessionId,
        payload: {
          askId: id,
          optionId: option.id,
          outcome: option.kind.startsWith('allow') ? 'allowed' : 'denied',
          note,
        },
      },
    ],
    [
      {
        kind: 'session.answer',
        key: `answer:${id}`,
        sessionId,
        payload: { askId: id, optionId: option.id, optionKind: option.kind, note },
      },
    ],
  )
}
