import type { GatewayChoices } from '../adapters/acp/model-address.ts'
import { ProviderId, type ProviderInfo } from '../contract/agent.ts'
import { SignalboxError } from '../contract/errors.ts'
import { parseModelName } from '../harness/core/model-names.ts'
import type { ModelChoice } from '../ports/runtime.ts'

export interface ChoicePowers {
  readonly providers: () => Promise<readonly ProviderInfo[]>
  readonly defaultModel: () => string | null
}

/** Finds the provider for a session's model among those that have a key, or an address of the user's own. */
export function createModelChoices({ providers, defaultModel }: ChoicePowers): GatewayChoices {
  const usable = async () => (await providers()).filter(isUsable)
  return {
    isUsable: async () => (await usable()).length > 0,
    async choose(agent, preferred, wanted) {
      const name = wanted ?? defaultModel()
      const found = await usable()
      if (found.length === 0)
        throw unavailable(agent, 'There is no provider key and no model address. Add one in the settings.')
      if (name === null)
        throw unavailable(
          agent,
          'It has to be told which model to use. Choose one for the session, or a default one in the settings.',
        )
      return chosenFrom(found, preferred, name)
    },
  }
}

/** A provider on this machine that needs no key counts only when it answers, or its address was given. */
function isUsable({ hasKey, needsKey, baseUrl, models }: ProviderInfo): boolean {
  return hasKey || (!needsKey && (baseUrl !== null || models.length > 0))
}

function chosenFrom(
  found: readonly ProviderInfo[],
  preferred: readonly ProviderId[],
  name: string,
): ModelChoice {
  const parts = parseModelName(name)
  const named = ProviderId.safeParse(parts?.provider)
  if (parts && named.success) {
    if (found.some(({ id }) => id === named.data)) return { provider: named.data, model: parts.model }
    throw new SignalboxError(
      'model_key_missing',
      { provider: named.data },
      { message: `There is no key for ${named.data}. Add it in the settings.` },
    )
  }
  const order = [...found].sort((left, right) => rank(left) - rank(right))
  function rank({ id }: ProviderInfo): number {
    const at = preferred.indexOf(id)
    return at === -1 ? preferred.length : at
  }
  const listed = order.find(({ models }) => models.includes(name))
  const first = listed ?? order[0]
  if (!first) throw new SignalboxError('model_unknown', { model: name })
  return { provider: first.id, model: name }
}

function unavailable(agent: string, message: string): SignalboxError {
  return new SignalboxError('agent_unavailable', { agent, state: 'needs_key', remedy: message }, { message })
}
