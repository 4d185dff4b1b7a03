// `npm run dev`: the console with hot reloading.
import { join } from 'node:path'
import { isRoot, projectRoot, run, withoutBusNoise } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

await runTool(async (args) => {
  await setUp()
  const builder = join(projectRoot, 'node_modules/electron-vite/bin/electron-vite.js')
  const flags = isRoot ? ['--noSandbox'] : []
  return run(process.execPath, [builder, 'dev', ...flags, ...args], { filter: withoutBusNoise })
})
