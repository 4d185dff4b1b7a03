/**
 * Owns one external child's pipes, so that the child outlives the app. Started by the executor with its plan on stdin;
 * says one line when the child stands (or why it does not) and from then on speaks on its socket only.
 */
import { rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { watchOwner } from './shim/owner-watch.ts'
import type { ShimPlan, ShimReady } from './shim/protocol.ts'
import { relay } from './shim/relay.ts'
import { startSandbox } from './shim/sandbox.ts'
import { createShimServer, type ShimServer } from './shim/shim-server.ts'

const stderrTailBytes = 64 * 1024

/** The plan comes from our own executor over a pipe that nobody else has. */
function parsePlan(json: string): ShimPlan {
  return JSON.parse(json)
}

function say(ready: ShimReady): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(ready)}\n`, () => resolve()))
}

async function run(): Promise<void> {
  const plan = parsePlan(await text(process.stdin))
  let tail = Buffer.alloc(0)
  let server: ShimServer | undefined
  const sandbox = await startSandbox(plan.sandbox, (chunk) => {
    tail = Buffer.concat([tail, chunk]).subarray(-stderrTailBytes)
    server?.sendStderr(chunk)
  })
  watchOwner({ ...plan, sandbox }, () => process.exit(0))
  try {
    for (const [port, listener] of sandbox.servers)
      relay(listener, port === plan.proxyPort ? 0 : port, plan.doorPath)
    server = createShimServer({
      sandbox,
      socketPath: plan.socketPath,
      logPath: plan.logPath,
      limits: { segmentBytes: plan.segmentBytes, segments: plan.segments },
      survives: plan.survives,
      stderrTail: () => tail,
      onDone() {
        rmSync(plan.doorPath, { force: true })
        process.exit(0)
      },
    })
    await server.listening
  } catch (error) {
    sandbox.kill()
    throw error
  }
  await say({ ok: true, shimPid: process.pid, pid: sandbox.pid, startTime: sandbox.startTime })
}

// The app's terminal and group may go; the shim stays with its child.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGPIPE'] as const) process.on(signal, () => {})
process.stdout.on('error', () => {})

run().catch(async (error: unknown) => {
  await say({ ok: false, detail: error instanceof Error ? error.message : String(error) })
  process.exit(1)
})
