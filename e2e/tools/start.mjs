// `npm start`: the console, or without a display the daemon.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { asNode, isRoot, projectRoot, run, say, withoutBusNoise } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

await runTool(async (args) => {
  const { electron, missing } = await setUp()
  await build()
  if (hasDisplay()) {
    if (missing.includes('shared libraries'))
      throw new Error('the window cannot open without the shared libraries above')
    const flags = isRoot ? ['--no-sandbox'] : []
    return run(electron.program, [projectRoot, ...flags, ...args], { filter: withoutBusNoise })
  }
  say('there is no display here: starting the headless daemon instead of the console')
  const daemon = join(projectRoot, 'out/main/daemon.js')
  if (!existsSync(daemon)) throw new Error('this build has no daemon')
  return run(electron.program, [daemon, ...args], { env: asNode() })
})
