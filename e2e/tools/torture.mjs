// `npm run torture [-- area …]`: long and random tests, `*.torture.ts` beside their source or in e2e/.
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { runTool, setUp } from './set-up.mjs'
import { runStages, testStage } from './stages.mjs'

await runTool(async (areas) => {
  await setUp()
  await build()
  const display = await openDisplay()
  try {
    return await runStages([testStage('torture', { env: display.env, filters: areas })])
  } finally {
    await display.close()
  }
})
