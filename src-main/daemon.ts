import { parseArgs } from 'node:util'
import { keepPausesShort } from './adapters/this-machine/short-pauses.ts'
import { compose } from './compose.ts'
import { type ArgvValues, type Config, readConfig } from './config.ts'
import { SignalboxError } from './contract/errors.ts'

/** Reads the options of `signalbox daemon`; throws an Error that names the option. */
function readArgv(args: readonly string[]): ArgvValues {
  const { values } = parseArgs({
    args: [...args],
    options: { home: { type: 'string' }, 'http-port': { type: 'string' }, 'no-http': { type: 'boolean' } },
    strict: true,
  })
  return values
}

/** A sentence for the terminal: what happened and what to do. */
function explain(error: unknown, config: Config | undefined): string {
  if (!(error instanceof SignalboxError)) return error instanceof Error ? error.message : String(error)
  if (error.code === 'already_running') {
    return `Signalbox runs already on ${config?.paths.home}. Use "signalbox status", or another folder with --home.`
  }
  if (error.message !== error.code) return error.message
  const { path, detail, ...rest }: Record<string, unknown> = error.data
  if (error.code === 'path_not_writable')
    return `${String(path)} can't be written to (${String(detail)}). Mend that, or choose another folder with --home.`
  if (error.code === 'disk_full') return `There is no space left for ${String(path)} (${String(detail)}).`
  const details = [path, detail, ...Object.values(rest)].filter((part) => part !== undefined).map(String)
  return [error.code.replaceAll('_', ' '), ...details].join(' ')
}

async function run(): Promise<void> {
  keepPausesShort()
  let config: Config | undefined
  try {
    config = readConfig(readArgv(process.argv.slice(2)), process.env)
    const house = await compose(config, { isDaemon: true })
    const { httpPort } = await house.listen()
    const http = httpPort === null ? '' : ` and http://127.0.0.1:${httpPort}`
    process.stdout.write(`signalbox daemon is ready on ${config.paths.socket}${http}\n`)
    let isStopping = false
    const stop = () => {
      if (isStopping) return
      isStopping = true
      process.stdout.write('signalbox daemon is stopping\n')
      house.close().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${explain(error, config)}\n`)
          process.exit(1)
        },
      )
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  } catch (error) {
    process.stderr.write(`${explain(error, config)}\n`)
    process.exit(1)
  }
}

await run()
