import { describeAgent } from './journeys.ts'

describeAgent({
  agent: 'codex',
  provider: 'openai-compatible',
  baseUrl: ({ url }) => `${url}/v1`,
  model: 'fake',
})
