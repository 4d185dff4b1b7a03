// `npm run test:agents [-- name …]`: journeys with real agent programs, installed from npm into a cache.
import { agentStage, knownAgents } from './agent-programs.mjs'
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { runTool, setUp } from './set-up.mjs'
import { runStages } from './stages.mjs'

await runTool(async (names) => {
  await setUp()
  await build()
  const display = await openDisplay()
  try {
    return await runStages([await agentStage(names.length ? names : knownAgents, display.env)])
  } finally {
    await display.close()
  }
})
