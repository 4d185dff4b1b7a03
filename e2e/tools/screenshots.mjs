// `node e2e/tools/screenshots.mjs [folder]`: pictures of the real application with real sessions, by default into docs/.
import { join, resolve } from 'node:path'
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { asNode, projectRoot, run } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

await runTool(async ([folder]) => {
  const { electron } = await setUp()
  await build()
  const display = await openDisplay()
  const runner = join(projectRoot, 'e2e/tools/shots/take-shots.ts')
  const target = resolve(folder ?? join(projectRoot, 'docs'))
  try {
    const program = ['--disable-warning=ExperimentalWarning', runner, target]
    return await run(electron.program, program, { env: { ...asNode(), ...display.env } })
  } finally {
    await display.close()
  }
})
