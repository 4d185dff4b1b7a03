import { describeBudgets } from './budgets.ts'
import { describeAgent, plantedKey } from './journeys.ts'

describeAgent({
  agent: 'gemini',
  provider: 'google',
  model: 'gemini-2.5-flash',
  login: {
    path: '.gemini/.env',
    content: (address) => `GEMINI_API_KEY=${plantedKey}\nGOOGLE_GEMINI_BASE_URL=${address}\n`,
  },
})

describeBudgets({
  agent: 'gemini',
  provider: 'google',
  model: 'gemini-2.5-flash',
  baseUrl: ({ url }) => `${url}/v1beta`,
  price: { input: 300, output: 2500 },
})
