import { afterEach, describe, expect, test } from 'vitest'
import { type GuestPipes, type GuestProgram, processGuests, startUnconfined } from './process-guest.ts'
import { report, runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

/** A guest's process that was taken over whole, and what a guest's thread or process is started with. */

const CODE = 'async (sys) => { await sys.recv(); await sys.recv() }'

/** Runs a program of the attacker's where a guest's should be. */
async function takenOver(script: string) {
  const started: GuestPipes[] = []
  const launch = processGuests(async ({ file, env, reads }, signal) => {
    const lines =
      'const { writeSync } = require("node:fs"); process.on("SIGTERM", () => 0); process.on("SIGPIPE", () => 0);'
    const args = ['-e', `${lines} const say = (x) => { try { writeSync(1, x) } catch {} }; ${script}`]
    const pipes = await startUnconfined({ file, env, reads, args }, signal)
    started.push(pipes)
    return pipes
  })
  const { reason } = await runGuest(CODE, { launch, timeoutMs: 700 })
  await Promise.all(started.map(({ exited }) => exited))
  return { reason, count: started.length }
}

const MALFORMED = 'the sandbox sent a malformed message'
const SILENT = 'the sandbox did not answer in time'
const LIVE = 'setInterval(() => 0, 1000)'

test.each([
  ['a line without end', `for (;;) say('c'.repeat(65536))`, MALFORMED],
  ['bytes that are no text', `say(Buffer.from([0xff, 0, 0x80, 10])); ${LIVE}`, MALFORMED],
  ['lines without end', `for (;;) say('i\\n'.repeat(30000))`, 'the sandbox spoke out of turn'],
  [
    'calls that it may not make',
    `say('r\\nc{"id":1,"call":"spawn","args":["x"]}\\n'); ${LIVE}`,
    'the sandbox made a call that it may not make',
  ],
  [
    'as many calls as it can write',
    `say('r\\n'); for (let i = 1; ; i++) say('c{"id":' + i + ',"call":"recv","args":[]}\\n')`,
    'the sandbox flooded its monitor with calls',
  ],
  ['a closed pipe, and life goes on', `say('r\\n'); require('node:fs').closeSync(1); ${LIVE}`, SILENT],
  ['a deaf ear', `say('r\\n'); process.stdin.pause(); ${LIVE}`, SILENT],
  [
    'words of its own about its end',
    `say('x' + JSON.stringify('all is well') + '\\nx"'); process.exit()`,
    'all is well',
  ],
  ['an end before the start', 'process.exit()', 'the sandbox process ended'],
])('a process that was taken over says %s, and is ended for good', async (_, script, error) => {
  const { reason, count } = await takenOver(script)
  expect([reason, count]).toEqual([{ kind: 'fault', error }, 1])
})

test('a guest’s process is started with a narrow program, an environment of our own, and no power of Node’s', async () => {
  const programs: GuestProgram[] = []
  const launch = processGuests((program, signal) => {
    programs.push(program)
    return startUnconfined(program, signal)
  })
  const { said } = await runGuest(report(`new Date(0).getTimezoneOffset() + typeof process`), { launch })
  expect(said).toEqual(['0undefined'])
  const { env, args } = programs[0] as GuestProgram
  expect(env).toEqual({ ELECTRON_RUN_AS_NODE: '1', TZ: 'UTC' })
  const flags = args.filter((arg) => arg.startsWith('-'))
  const reads = flags.filter((flag) => flag.startsWith('--allow-fs-read='))
  expect(flags.filter((flag) => !reads.includes(flag)).sort()).toEqual([
    '--allow-worker',
    '--disallow-code-generation-from-strings',
    '--no-addons',
    '--no-warnings',
    '--permission',
  ])
  expect(reads).toHaveLength(1)
  expect(reads[0]).toMatch(/[\\/]drivers[\\/]\*$/)
})

const before = process.env.NODE_OPTIONS

afterEach(() => {
  if (before === undefined) delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = before
})

describe.each([
  ['thread', threadGuests],
  ['process', processGuests()],
])('options of ours do not reach a %s', (_, launch) => {
  test('NODE_OPTIONS with a module to load and a flag', async () => {
    process.env.NODE_OPTIONS = '--require /nowhere/evil.cjs --experimental-shadow-realm --expose-internals'
    const { reason, said } = await runGuest(report('typeof ShadowRealm'), { launch })
    expect([reason, said]).toEqual([{ kind: 'normal' }, ['undefined']])
  })
})
