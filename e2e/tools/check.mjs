// `npm run check`: what has to hold before anything is merged; under a minute.
import { runTool, setUp } from './set-up.mjs'
import { runStages, staticStages, testStage } from './stages.mjs'

await runTool(async () => {
  await setUp()
  return runStages([...staticStages, testStage('unit', { isWide: true })])
})
