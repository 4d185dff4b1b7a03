// Where the project lies, and how its tools speak and run programs. Node built-ins only.
import { spawn } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json. */
export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** True where this process has root's rights; Electron's own sandbox refuses to start there. */
export const isRoot = process.getuid?.() === 0

/** Prints one line of progress, with the name of the tool before it. */
export function say(text) {
  process.stdout.write(`signalbox · ${text}\n`)
}

/**
 * Runs a program to its end with this terminal, and returns its exit code. `filter` decides line by line what is shown
 * of its error stream.
 */
export function run(file, args, { env = process.env, cwd = projectRoot, filter, ...rest } = {}) {
  return new Promise((settle, fail) => {
    const child = spawn(file, args, {
      cwd,
      env,
      stdio: ['inherit', 'inherit', filter ? 'pipe' : 'inherit'],
      ...rest,
    })
    // A terminal sends Ctrl-C to the child itself; a second one could mean "at once" to it.
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    process.on('SIGINT', forward)
    process.on('SIGTERM', forward)
    if (filter) showFiltered(child.stderr, filter)
    child.on('error', fail)
    child.on('close', (code, signal) => {
      process.off('SIGINT', forward)
      process.off('SIGTERM', forward)
      settle(code ?? (signal ? 128 : 1))
    })
  })
}

function showFiltered(stream, filter) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) if (filter(line)) process.stderr.write(`${line}\n`)
  })
  stream.on('end', () => {
    if (rest && filter(rest)) process.stderr.write(rest)
  })
}

/** Electron complains about a missing message bus on machines without a desktop; that is harmless. */
export const withoutBusNoise = (line) => !line.includes('dbus/')

/** The environment in which the Electron program is plain Node. */
export const asNode = (env = process.env) => ({ ...env, ELECTRON_RUN_AS_NODE: '1' })
