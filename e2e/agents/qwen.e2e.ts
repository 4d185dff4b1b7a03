import { describeAgent } from './journeys.ts'

describeAgent({
  agent: 'qwen',
  provider: 'openai-compatible',
  baseUrl: ({ url }) => `${url}/v1`,
  model: 'fake',
  loginKey: 'planted-key',
  login: ({ url }) => ({
    path: '.qwen/.env',
    content: `OPENAI_API_KEY=planted-key\nOPENAI_BASE_URL=${url}/v1\nOPENAI_MODEL=fake\n`,
  }),
})
