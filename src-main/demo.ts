import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commands } from './cli/commands.ts'
import { connect } from './cli/connect.ts'
import { createTerminal } from './cli/system-terminal.ts'
import { compose } from './compose.ts'
import { readConfig } from './config.ts'

/** The main job without a window, on a state directory of its own that is removed afterwards. */
async function demo(): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'signalbox-demo-'))
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  const config = readConfig({ home, 'no-http': true }, process.env)
  try {
    const house = await compose(config)
    await house.listen()
    try {
      const context = {
        client: connect(config.paths),
        terminal: createTerminal(false),
        signal: controller.signal,
        cwd: process.cwd(),
      }
      return (await commands.demo?.run([], context)) ?? 1
    } finally {
      await house.close()
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

process.exitCode = await demo()
