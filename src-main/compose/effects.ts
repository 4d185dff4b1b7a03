import type { SessionEffects } from '../app/effects/index.ts'
import type { Ledger } from '../app/effects/ledger.ts'
import type { EffectHandlers } from '../app/effects-runner.ts'
import type { Workareas } from '../ports/workareas.ts'

/** Who does each kind of owed work. */
export function createEffectHandlers(
  sessions: SessionEffects,
  ledger: Ledger,
  workareas: Workareas,
): EffectHandlers {
  return {
    'session.run': ({ sessionId }) => sessions.run(sessionId),
    'session.stop': ({ sessionId }) => sessions.stop(sessionId),
    'session.pause': ({ sessionId }) => sessions.pause(sessionId),
    'session.resume': ({ sessionId }) => sessions.resume(sessionId),
    'session.prompt': ({ sessionId, payload }) => sessions.prompt(sessionId, payload.promptId, payload.text),
    'session.answer': ({ payload }) => sessions.answer(payload.askId, payload.optionId),
    async 'workarea.discard'({ sessionId, payload }) {
      const record = ledger.workareaOf(sessionId)
      if (record && (await workareas.exists(record)))
        await workareas.discard(record, { keepResult: payload.keepResult })
    },
  }
}
