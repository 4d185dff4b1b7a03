import { agentTable, type OwnLogin } from '../../src-main/adapters/acp/agent-table.ts'
import { describeBudgets } from './budgets.ts'
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

describeBudgets({
  agent: 'claude',
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  baseUrl: ({ url }) => `${url}/v1`,
  price: { input: 3000, output: 15_000 },
})
