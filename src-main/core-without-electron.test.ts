import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const compose = new URL('./compose.ts', import.meta.url)

/** Refuses `electron` to every import and require of the program, then loads the core. */
const program = (address: string): string => `
  import { registerHooks } from 'node:module'
  registerHooks({ resolve(specifier, context, next) {
    if (/^electron(\\/|$)/.test(specifier)) throw new Error('electron was asked for by ' + context.parentURL)
    return next(specifier, context)
  } })
  const core = await import(${JSON.stringify(address)})
  console.log(Object.keys(core).join(' '))`

async function load(address: string): Promise<string> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program(address)]
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 })
  return stdout.trim()
}

it.runIf(existsSync(compose))('loads the core where Electron cannot be imported', async () => {
  expect(await load(compose.href)).not.toBe('')
})

it('would notice Electron in the core', async () => {
  const main = new URL('./main.ts', import.meta.url)
  await expect(load(main.href)).rejects.toThrow(/electron was asked for by .*\.ts/)
})
