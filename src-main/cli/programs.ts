import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './args.ts'

/** Folder of the built programs: this file is bundled into `out/main` or a chunk folder below it. */
function programFolder(): string {
  const here = import.meta.dirname
  return existsSync(join(here, 'daemon.js')) ? here : join(here, '..')
}

/** The Electron program beside us: the packaged binary, or the one that set-up put into node_modules. */
function electronProgram(folder: string): string {
  if (process.versions.electron) return process.execPath
  const packaged = process.env.SIGNALBOX_PROGRAM
  if (packaged && existsSync(packaged)) return packaged
  const packageFolder = join(folder, '../../node_modules/electron')
  const pathFile = join(packageFolder, 'path.txt')
  if (!existsSync(pathFile))
    throw new UsageError('The Electron runtime is missing. Run "npm start" once in the project folder.')
  return join(packageFolder, 'dist', readFileSync(pathFile, 'utf8').trim())
}

function runToEnd(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', env })
    const pass = (signal: NodeJS.Signals) => void child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass)
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1)))
  })
}

const homeArgs = (home: string | undefined) => (home === undefined ? [] : ['--home', home])

/** Runs the headless daemon in this terminal, on the product's own Node. */
export function runDaemon(args: readonly string[], home: string | undefined): Promise<number> {
  const folder = programFolder()
  return runToEnd(electronProgram(folder), [join(folder, 'daemon.js'), ...homeArgs(home), ...args], {
    ...process.env,
    ELECTRON_RUN_AS_NODE: '1',
  })
}

/** Opens the console window, or brings the open one to the front, on a session if one is given. */
export async function openWindow(args: readonly string[], home: string | undefined): Promise<number> {
  const folder = programFolder()
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env
  const isRoot = process.getuid?.() === 0
  const link = args[0] === undefined ? [] : [`signalbox://session/${args[0]}`]
  const app = process.versions.electron ? [] : [join(folder, '../..')]
  return runToEnd(
    electronProgram(folder),
    [...app, ...(isRoot ? ['--no-sandbox'] : []), ...homeArgs(home), ...link],
    env,
  )
}
