// `npm run demo`: the main job without a window, on a sample repository, from the session to the verified chain.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { asNode, projectRoot, run } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

await runTool(async (args) => {
  const { electron } = await setUp()
  await build()
  const demo = join(projectRoot, 'out/main/demo.js')
  if (!existsSync(demo)) throw new Error('this build has no demo')
  return run(electron.program, [demo, ...args], { env: asNode() })
})
