// `npm run test:e2e [-- part of a file name …]`: journeys in real windows only.
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { runTool, setUp } from './set-up.mjs'
import { runStages, testStage } from './stages.mjs'

await runTool(async (filters) => {
  await setUp()
  await build()
  const display = await openDisplay()
  try {
    return await runStages([testStage('e2e', { env: display.env, filters })])
  } finally {
    await display.close()
  }
})
