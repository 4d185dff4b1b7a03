#!/usr/bin/env node
// The command line in a clone: set-up links it as node_modules/.bin/signalbox.
import { existsSync } from 'node:fs'

const program = new URL('../../out/main/cli.js', import.meta.url)
if (existsSync(program)) {
  await import(program.href)
} else {
  process.stderr.write('signalbox is not built yet: run "npm run build" first.\n')
  process.exitCode = 1
}
