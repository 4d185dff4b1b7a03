import { describeAgent, plantedKey } from './journeys.ts'

describeAgent({
  agent: 'gemini',
  provider: 'google',
  baseUrl: ({ url }) => url,
  model: 'gemini-2.5-flash',
  login: {
    path: '.gemini/.env',
    content: (address) => `GEMINI_API_KEY=${plantedKey}\nGOOGLE_GEMINI_BASE_URL=${address}\n`,
  },
})
