import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, Server } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { readStat } from './process-identity.ts'
import type { SandboxPlan } from './protocol.ts'

/** A started program: its pipes, who it is, the loopback ports that lead out of it. */
export interface Sandbox {
  /** First process of its pid namespace (seen from here), or the program itself where there is no wall. */
  readonly pid: number
  readonly startTime: string
  readonly stdin: Writable
  readonly stdout: Readable
  /** Listening sockets by port; whoever started it must serve and close them. */
  readonly servers: ReadonlyMap<number, Server>
  /** When the launcher has ended. The pipes may still hold output. */
  readonly ended: Promise<SandboxEnd>
  /** Ends all of it at once. */
  kill(): void
}

export interface SandboxEnd {
  /** As a shell would say it: 128 + n after signal n. */
  readonly code: number | null
  readonly signal: string | null
  /** Set when the wall could not be built, so that the program never ran. */
  readonly failure: string | null
}

/** The program could not be started; the message is what the launcher said, `code` the system's word for it if any. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly code: string | null

  constructor(message: string, code: string | null = null) {
    super(message)
    this.code = code
  }
}

interface Identity {
  readonly pid: number
  readonly startTime: string
}

const startTimeoutMs = 20_000
const statusWaitMs = 500
/** Descriptors of the launcher: where it tells the sandbox's pid, and where it reads hidden arguments. */
export const statusFd = 3
export const argsFd = 4
/** The helper's channel, as Node is told by its environment. */
export const channelFd = 5

/**
 * Starts a program as planned and waits until it stands: its pid known, its ports handed over. Standard error goes to
 * `onStderr` from the first byte on. Throws `SandboxError`.
 */
export async function startSandbox(plan: SandboxPlan, onStderr: (chunk: Buffer) => void): Promise<Sandbox> {
  const own = plan.launcherArgs ? 'pipe' : 'ignore'
  const child = spawn(plan.file, [...plan.args], {
    cwd: plan.cwd,
    env: { ...plan.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', own, own, ...(plan.enter ? (['ipc'] as const) : [])],
  })
  const servers = new Map<number, Server>()
  const kill = () => {
    for (const server of servers.values()) server.close()
    killGroup(child)
  }
  const said = keepTail(child, onStderr)
  const { identity, ended } = follow(child, plan, said)
  const timer = setTimeout(kill, startTimeoutMs)
  try {
    const [stdin, stdout] = child.stdio
    if (!stdin || !stdout) throw new SandboxError('the program has no pipes')
    stdin.on('error', () => {})
    passArguments(child, plan)
    const failed = ended.then((end): never => {
      throw new SandboxError(end.failure ?? (said() || 'the program ended before it stood'))
    })
    const doors = Promise.all([openOutside(plan, servers), receive(child, plan, servers)])
    // Without ports to wait for a short program may be over by now, which is no failure.
    const isWaiting = plan.enter !== null || plan.outsidePorts.length > 0
    if (isWaiting) await Promise.race([doors, failed])
    else failed.catch(() => {})
    return { ...(await identity), stdin, stdout, servers, ended, kill }
  } catch (error) {
    kill()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function keepTail(child: ChildProcess, onStderr: (chunk: Buffer) => void): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text = `${text}${chunk.toString()}`.slice(-4000)
    onStderr(chunk)
  })
  return () => text.trim()
}

/** Reads the launcher's status documents: first the child's pid, at the end its exit code if it ever ran. */
function follow(child: ChildProcess, plan: SandboxPlan, said: () => string) {
  const hasWall = plan.launcherArgs !== null
  const status = child.stdio[statusFd]
  let text = ''
  const ended = new Promise<SandboxEnd>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, failure: error.message }))
    child.once('exit', (code, signal) => {
      const finish = () => {
        const hasRun = !hasWall || text.includes('"exit-code"') || signal !== null || code !== 1
        resolve({ code, signal, failure: hasRun ? null : said() || 'the wall could not be built' })
      }
      // The last document may still be in the pipe; something that holds it open must not hold the answer.
      if (status instanceof Readable && !status.readableEnded) status.once('close', finish)
      else finish()
      setTimeout(finish, statusWaitMs)
    })
  })
  const identity = new Promise<Identity>((resolve, reject) => {
    const found = (pid: number) => resolve({ pid, startTime: readStat(pid)?.startTime ?? '0' })
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(new SandboxError(error.message, error.code ?? null)),
    )
    if (!hasWall && child.pid !== undefined) found(child.pid)
    if (status instanceof Readable) {
      status.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1]
        if (pid) found(Number(pid))
      })
      status.on('end', () => reject(new SandboxError(said() || 'the launcher told no pid')))
    }
  })
  identity.catch(() => {})
  return { identity, ended }
}

function passArguments(child: ChildProcess, plan: SandboxPlan): void {
  const pipe = child.stdio[argsFd]
  if (!(pipe instanceof Writable)) return
  pipe.on('error', () => {})
  pipe.end((plan.launcherArgs ?? []).map((arg) => `${arg}\0`).join(''))
}

/** Takes the listeners from the helper inside, then lets it become the program. */
function receive(child: ChildProcess, plan: SandboxPlan, servers: Map<number, Server>): Promise<void> {
  const enter = plan.enter
  if (!enter) return Promise.resolve()
  return new Promise((resolve) => {
    child.on('message', (message, handle) => {
      if (!(handle instanceof Server)) return
      const port = typeof message === 'object' && 'port' in message ? Number(message.port) : Number.NaN
      servers.set(port, handle)
      if (servers.size < enter.ports.length) return
      child.once('disconnect', resolve)
      child.send({ type: 'go' })
    })
    child.send(enter)
  })
}

/** Where the child shares the machine's network its ports are opened here. */
async function openOutside(plan: SandboxPlan, servers: Map<number, Server>): Promise<void> {
  for (const port of plan.outsidePorts) {
    const server = createServer()
    servers.set(port, server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new SandboxError(`port ${port}: ${error.message}`)))
      server.listen({ host: '127.0.0.1', port, exclusive: true }, resolve)
    })
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}
