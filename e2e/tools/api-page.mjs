// `npm run docs:api`: prints docs/api.md.
import { join } from 'node:path'
import { asNode, projectRoot, run } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

await runTool(async () => {
  const { electron } = await setUp()
  const page = join(projectRoot, 'e2e/tools/api-page.ts')
  return run(electron.program, ['--disable-warning=ExperimentalWarning', page], { env: asNode() })
})
