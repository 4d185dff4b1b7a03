import { SignalboxError } from '../../contract/errors.ts'
import { PromptId } from '../../contract/ids.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers } from '../../contract/procedure.ts'
import { decideAnswer } from '../../domain/session/answer.ts'
import { decidePause } from '../../domain/session/pause.ts'
import { decidePrompt } from '../../domain/session/prompt.ts'
import { decideReprioritise, processPriorityOf } from '../../domain/session/reprioritise.ts'
import { decideResume } from '../../domain/session/resume.ts'
import { decideStop } from '../../domain/session/stop.ts'
import type { AppParts } from '../app-parts.ts'
import { replaySession, submitSession } from './submit.ts'

type Verbs = 'submit' | 'replay' | 'prompt' | 'answer' | 'stop' | 'pause' | 'resume' | 'reprioritise'

/** Commands that a session takes while it waits or works. */
export function createSessionCommands(parts: AppParts): Pick<Handlers<SignalboxContract>['session'], Verbs> {
  const { store, ids, dispatcher } = parts
  return {
    submit: (input, context) => submitSession(parts, input, context),
    replay: ({ sessionId }, context) => replaySession(parts, sessionId, context),
    prompt: ({ sessionId, text }, context) =>
      dispatcher.dispatch(context, {
        types: ['session.prompted'],
        subject: sessionId,
        decide: () =>
          decidePrompt(store.sessions.read(sessionId), {
            sessionId,
            promptId: PromptId.parse(`prm-${ids.short()}`),
            text,
          }),
        reply(facts, atSeq) {
          const [first] = facts
          if (first?.type !== 'session.prompted') throw new SignalboxError('internal', {})
          return { atSeq, promptId: first.payload.promptId }
        },
      }),
    answer: (input, context) =>
      dispatcher.dispatch(context, {
        types: ['session.answered'],
        decide: () => decideAnswer(store.asks.read(input.askId), input),
        reply: (_facts, atSeq) => ({ atSeq }),
      }),
    stop: (input, context) =>
      dispatcher.dispatch(context, {
        types: ['session.stopRequested'],
        subject: input.sessionId,
        decide: () =>
          decideStop(store.sessions.read(input.sessionId), input, store.activities.head(input.sessionId)),
        reply: (_facts, atSeq) => ({ atSeq }),
        isDurable: true,
      }),
    pause: ({ sessionId }, context) =>
      dispatcher.dispatch(context, {
        types: ['session.pauseRequested'],
        subject: sessionId,
        decide: () => decidePause(store.sessions.read(sessionId), sessionId, context.commandId),
        reply: (_facts, atSeq) => ({ atSeq }),
      }),
    resume: ({ sessionId }, context) =>
      dispatcher.dispatch(context, {
        types: ['session.resumed'],
        subject: sessionId,
        decide: () => decideResume(store.sessions.read(sessionId), sessionId, context.commandId),
        reply: (_facts, atSeq) => ({ atSeq }),
      }),
    reprioritise: (input, context) => reprioritise(parts, input, context),
  }
}

function reprioritise(
  { store, dispatcher, powers }: AppParts,
  { sessionId, priority }: { readonly sessionId: string; readonly priority: number },
  context: CallContext,
) {
  const done = dispatcher.dispatch(context, {
    types: ['session.reprioritised'],
    subject: sessionId,
    decide: () => decideReprioritise(store.sessions.read(sessionId), sessionId, priority),
    reply: (_facts, atSeq) => ({ atSeq }),
  })
  // Only the running kernel knows of it; a session that is started later begins with what its row says.
  const row = store.sessions.read(sessionId)?.row
  if (row?.pid) powers.processes.setPriority(row.pid, processPriorityOf(row.priority))
  return done
}
