import { agentTable, type OwnLogin } from '../../src-main/adapters/acp/agent-table.ts'
import { describeAgent, plantedKey } from './journeys.ts'

/** The same login with its service at another address. */
const leadingTo =
  (address: string) =>
  (login: OwnLogin): OwnLogin => ({
    ...login,
    setup(model) {
      const setup = login.setup(model)
      return { ...setup, env: { ...setup.env, ANTHROPIC_BASE_URL: address } }
    },
  })

describeAgent({
  agent: 'claude',
  provider: 'anthropic',
  baseUrl: ({ url }) => url,
  model: 'claude-sonnet-4-5',
  login: {
    path: '.claude/.credentials.json',
    content: () =>
      `${JSON.stringify({
        claudeAiOauth: {
          accessToken: plantedKey,
          refreshToken: 'planted-refresh',
          expiresAt: Date.now() + 86_400_000,
          scopes: ['user:inference', 'user:profile'],
          subscriptionType: 'max',
        },
      })}\n`,
    table: (address) =>
      agentTable.map((entry) => ({ ...entry, logins: entry.logins.map(leadingTo(address)) })),
  },
})
