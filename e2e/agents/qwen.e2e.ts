import { describeBudgets } from './budgets.ts'
import { describeAgent, plantedKey } from './journeys.ts'

describeAgent({
  agent: 'qwen',
  provider: 'openai-compatible',
  model: 'fake',
  login: {
    path: '.qwen/.env',
    content: (address) => `OPENAI_API_KEY=${plantedKey}\nOPENAI_BASE_URL=${address}/v1\nOPENAI_MODEL=fake\n`,
  },
})

describeBudgets({
  agent: 'qwen',
  provider: 'openai-compatible',
  model: 'gpt-4o-mini',
  baseUrl: ({ url }) => `${url}/v1`,
  price: { input: 150, output: 600 },
})
