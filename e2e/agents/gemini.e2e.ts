import { describeAgent } from './journeys.ts'

describeAgent({
  agent: 'gemini',
  provider: 'google',
  baseUrl: ({ url }) => url,
  model: 'gemini-2.5-flash',
  loginKey: 'planted-key',
  login: ({ url }) => ({
    path: '.gemini/.env',
    content: `GEMINI_API_KEY=planted-key\nGOOGLE_GEMINI_BASE_URL=${url}\n`,
  }),
})
