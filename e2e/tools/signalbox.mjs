#!/usr/bin/env node
// The command line in a clone: set-up links it as node_modules/.bin/signalbox.
import { existsSync } from 'node:fs'
import { electronInUse } from './get-electron.mjs'

const program = new URL('../../out/main/cli.js', import.meta.url)
if (existsSync(program)) {
  // The daemon needs Electron's Node (its store is native); the command line itself runs on the Node it was started by.
  process.env.SIGNALBOX_ELECTRON_PROGRAM ??= electronInUse()?.program ?? ''
  await import(program.href)
} else {
  process.stderr.write('signalbox is not built yet: run "npm run build" first.\n')
  process.exitCode = 1
}
