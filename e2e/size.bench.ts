import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from './tools/bench-kit.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { projectRoot } from './tools/project.mjs'

const packed = join(projectRoot, 'dist', process.platform === 'win32' ? 'win-unpacked' : 'linux-unpacked')

/** Bytes of all files in a folder, links not followed. */
function folderBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.reduce((sum, file) => {
    const stat = lstatSync(join(folder, file))
    return sum + (stat.isFile() ? stat.size : 0)
  }, 0)
}

/** The bare window, packed by the same packer with the same runtime and languages. */
function packBareWindow(folder: string): string {
  const electron = electronInUse()
  if (!electron) throw new Error('the Electron runtime is missing')
  const packer = join(projectRoot, 'node_modules/electron-builder/cli.js')
  const settings = [
    `-c.electronVersion=${electron.version}`,
    `-c.electronDist=${electron.dist}`,
    `-c.directories.output=${folder}`,
    '-c.electronLanguages=en-US',
    '-c.npmRebuild=false',
    '-c.appId=dev.signalbox.bare',
  ]
  const bare = join(import.meta.dirname, 'fixtures/bare-window')
  // Electron's Node sees archives as folders, which confuses the packer: it runs on the Node that npm runs on.
  const { ELECTRON_RUN_AS_NODE: _asNode, ...env } = process.env
  execFileSync(
    process.env.npm_node_execpath ?? 'node',
    [packer, '--dir', '--projectDir', bare, ...settings],
    {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  return join(folder, process.platform === 'win32' ? 'win-unpacked' : 'linux-unpacked')
}

const unpacked: Bench = {
  name: 'size/unpacked',
  unit: 'MB',
  goal: { atMost: 1.12 },
  reference: 'bare window, packed',
  runs: 1,
  open() {
    if (!existsSync(packed)) throw new Error('there is no packed application: run "npm run package" first')
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-bare-'))
    return {
      measure: () => folderBytes(packed) / 1e6,
      measureReference: () => folderBytes(packBareWindow(folder)) / 1e6,
      close: () => rmSync(folder, { recursive: true, force: true }),
    }
  },
}

export const benches = [unpacked]
