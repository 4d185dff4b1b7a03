import type { ProviderId } from '../../contract/agent.ts'
import type { GatewayAccess, ModelChoice } from '../../ports/runtime.ts'
import type { ModelAddress } from './agent-table.ts'

/** What the runtime needs of the model gateway. */
export interface GatewayChoices {
  /**
   * The provider and the model for a session, from those that have a key or an address of the user's: of the preferred
   * ones, whose interface the CLI speaks, if it can be. Throws `model_key_missing`, `model_unknown`, `agent_unavailable`.
   */
  choose(agent: string, preferred: readonly ProviderId[], model: string | null): Promise<ModelChoice>
  /** True when some provider can be called. */
  isUsable(): Promise<boolean>
}

/** The gateway as it is reached from behind the wall, at a loopback port. */
export function insideAddress(access: GatewayAccess, insidePort: number, model: string): ModelAddress {
  const base = `http://127.0.0.1:${insidePort}`
  return { base, openAi: `${base}/v1`, model, key: access.key }
}
