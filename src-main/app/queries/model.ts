import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers, StreamItem } from '../../contract/procedure.ts'
import type { ModelCall } from '../../contract/process.ts'
import type { AppParts } from '../app-parts.ts'

/** Model calls of sessions, and what models cost. */
export function createModelHandlers(parts: AppParts): Handlers<SignalboxContract>['model'] {
  const { store, clock, powers, modelCalls } = parts
  return {
    calls({ sessionId, state, before, limit }) {
      modelCalls.flush()
      const filter = { sessionId, state }
      return {
        calls: store.modelCalls.list(filter, before, limit),
        totals: store.modelCalls.totals(filter),
        gateway: powers.models.gateway(),
        atMs: clock.nowMs(),
      }
    },
    async *watch({ sessionId }, context): AsyncGenerator<StreamItem<ModelCall>> {
      for await (const call of modelCalls.watch(sessionId, context.signal)) yield { item: named(parts, call) }
    },
    prices: () => powers.models.prices(),
  }
}

/** With the title and agent of its session, which whoever noted it need not know. */
function named({ store }: AppParts, call: ModelCall): ModelCall {
  const row = store.sessions.read(call.sessionId)?.row
  return row ? { ...call, sessionTitle: row.title, agent: row.agent } : call
}
