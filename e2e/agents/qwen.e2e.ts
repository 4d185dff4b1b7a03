import { describeAgent, plantedKey } from './journeys.ts'

describeAgent({
  agent: 'qwen',
  provider: 'openai-compatible',
  baseUrl: ({ url }) => `${url}/v1`,
  model: 'fake',
  login: {
    path: '.qwen/.env',
    content: (address) => `OPENAI_API_KEY=${plantedKey}\nOPENAI_BASE_URL=${address}/v1\nOPENAI_MODEL=fake\n`,
  },
})
