import { agentTable, type OwnLogin } from '../../src-main/adapters/acp/agent-table.ts'
import { describeAgent, plantedKey } from './journeys.ts'

/** The same login, with a provider of that name at another address. */
const leadingTo =
  (address: string) =>
  (login: OwnLogin): OwnLogin => ({
    ...login,
    setup(model) {
      const setup = login.setup(model)
      const config = JSON.parse(setup.env?.OPENCODE_CONFIG_CONTENT ?? '{}') as object
      const planted = {
        npm: '@ai-sdk/openai-compatible',
        options: { baseURL: `${address}/v1` },
        models: { fake: { name: 'fake' } },
      }
      const content = { ...config, model: 'planted/fake', small_model: 'planted/fake', provider: { planted } }
      return { ...setup, env: { ...setup.env, OPENCODE_CONFIG_CONTENT: JSON.stringify(content) } }
    },
  })

describeAgent({
  agent: 'opencode',
  provider: 'openai-compatible',
  model: 'fake',
  login: {
    path: '.local/share/opencode/auth.json',
    content: () => `${JSON.stringify({ planted: { type: 'api', key: plantedKey } })}\n`,
    table: (address) =>
      agentTable.map((entry) => ({ ...entry, logins: entry.logins.map(leadingTo(address)) })),
  },
})
