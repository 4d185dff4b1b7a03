import { agentTable, type OwnLogin } from '../../src-main/adapters/acp/agent-table.ts'
import { describeBudgets } from './budgets.ts'
import { describeAgent, plantedKey } from './journeys.ts'

const config = '.codex/config.toml'

/** The same login with its service at another address. */
const leadingTo =
  (address: string) =>
  (login: OwnLogin): OwnLogin => ({
    ...login,
    setup(model) {
      const setup = login.setup(model)
      return { ...setup, files: { [config]: `openai_base_url = "${address}/v1"\n${setup.files?.[config]}` } }
    },
  })

const escalated = (path: string, content: string) => [
  {
    calls: [
      {
        name: 'exec_command',
        args: {
          cmd: `printf '%s' '${content}' > '${path}'`,
          sandbox_permissions: 'require_escalated',
          justification: 'May I write the file?',
        },
      },
    ],
  },
  { text: ['The file is written.'] },
]

describeAgent({
  agent: 'codex',
  provider: 'openai-compatible',
  model: 'fake',
  // Its own sandbox can't run behind the wall, so its model asks to run without, as it is told to.
  writeTurns: escalated,
  login: {
    path: '.codex/auth.json',
    content: () => `${JSON.stringify({ OPENAI_API_KEY: plantedKey })}\n`,
    table: (address) =>
      agentTable.map((entry) => ({ ...entry, logins: entry.logins.map(leadingTo(address)) })),
  },
})

describeBudgets({
  agent: 'codex',
  provider: 'openai-compatible',
  model: 'gpt-5-mini',
  baseUrl: ({ url }) => `${url}/v1`,
  writeTurns: escalated,
  price: { input: 250, output: 2000 },
})
