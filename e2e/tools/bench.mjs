// `npm run bench [-- area …] [--json]`: measures on the product's own Node; windows get a display of their own.
import { join } from 'node:path'
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { asNode, projectRoot, run } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

await runTool(async (args) => {
  const { electron } = await setUp()
  await build()
  const display = await openDisplay()
  try {
    const runner = join(projectRoot, 'e2e/tools/bench-runner.ts')
    // The collector is called between samples, so that the garbage of one does not slow the next.
    const program = ['--expose-gc', '--disable-warning=ExperimentalWarning', runner, ...args]
    return await run(electron.program, program, { env: { ...asNode(), ...display.env } })
  } finally {
    await display.close()
  }
})
