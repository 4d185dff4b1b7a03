// `npm run package [-- --release]`: an unpacked application in dist/, checked to start.
import { build } from './build.mjs'
import { openDisplay } from './display.mjs'
import { getElectron } from './get-electron.mjs'
import { packageStage } from './pack.mjs'
import { runTool, setUp } from './set-up.mjs'
import { runStages } from './stages.mjs'

await runTool(async (args) => {
  await setUp()
  const electron = await getElectron({ isRelease: args.includes('--release') })
  await build()
  const display = await openDisplay()
  try {
    return await runStages([packageStage(electron, display.env)])
  } finally {
    await display.close()
  }
})
