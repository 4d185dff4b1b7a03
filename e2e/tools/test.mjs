// `npm test`: everything, from format to journeys in real windows. `--agents=qwen,codex` adds journeys of real agents.
import { agentStage } from './agent-programs.mjs'
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { packageStage } from './pack.mjs'
import { runTool, setUp } from './set-up.mjs'
import { runStages, staticStages, testStage } from './stages.mjs'

await runTool(async (args) => {
  const { electron } = await setUp()
  await build()
  const agents = args.find((arg) => arg.startsWith('--agents='))?.slice('--agents='.length)
  const display = await openDisplay()
  try {
    const stages = [
      ...staticStages,
      testStage('unit', { isWide: true }),
      testStage('git'),
      testStage('e2e', { env: display.env }),
    ]
    stages.push(packageStage(electron, display.env))
    if (agents) stages.push(await agentStage(agents.split(','), display.env))
    return await runStages(stages)
  } finally {
    await display.close()
  }
})
