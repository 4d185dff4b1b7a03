// Packs the unpacked application into dist/, from out/ and the runtime in use.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeNotices } from './notices.mjs'
import { projectRoot, run, say } from './project.mjs'
import { testStage } from './stages.mjs'

/** Packs with the given runtime (see `electronInUse`). Expects set-up and build to be done. */
async function pack(electron) {
  say(
    `packing with Electron ${electron.version} (${electron.origin}), notices of ${writeNotices()} packages …`,
  )
  rmSync(join(projectRoot, 'dist'), { recursive: true, force: true })
  const packer = join(projectRoot, 'node_modules/electron-builder/cli.js')
  const settings = [`-c.electronVersion=${electron.version}`, `-c.electronDist=${electron.dist}`]
  const env = { ...process.env, CSC_IDENTITY_AUTO_DISCOVERY: 'false' }
  const code = await run(process.execPath, [packer, '--dir', ...settings], { env })
  if (code !== 0) throw new Error(`electron-builder ended with code ${code}`)
}

/** The stage that packs the application and tries it out. */
export function packageStage(electron, env) {
  const tests = testStage('package', { env })
  return {
    name: 'packaged application',
    run: async () => {
      await pack(electron)
      return tests.run()
    },
  }
}
