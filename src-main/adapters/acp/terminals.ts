import { RequestError } from '@agentclientprotocol/sdk'
import type { Child, ChildExit } from '../../ports/executor.ts'
import type { RuntimeSession } from '../../ports/runtime.ts'
import type { ClientServices } from './connection.ts'
import { describeExit } from './faults.ts'
import { textOf } from './fields.ts'

/** Programs that the agent runs through us, behind the same wall as itself. */
export interface Terminals {
  readonly services: ClientServices['terminals']
  /** What a terminal has written so far, cleaned; undefined = there is none of that id. */
  text(terminalId: string): string | undefined
  freeze(): Promise<void>
  thaw(): Promise<void>
  close(): Promise<void>
}

export interface TerminalPowers {
  readonly session: Pick<RuntimeSession, 'launch' | 'door' | 'workareaPath'>
  readonly env: Readonly<Record<string, string>>
  /** Refuses a folder outside the workarea. */
  readonly checkFolder: (path: string, what: string) => Promise<void>
  /** Pays for the call unless a tool call that was paid for stands for it; false = the budget does not hold it. */
  readonly pay: () => boolean
}

const max = { live: 16, known: 200, outputBytes: 1024 * 1024, args: 1000, env: 200, graceMs: 2000 }
const usualOutputBytes = 256 * 1024

interface Terminal {
  readonly child: Child
  readonly output: TailBuffer
  exit: ChildExit | undefined
}

// The protocol has one stream of output per terminal; the shell only joins the two and then becomes the program.
const joined = 'exec "$0" "$@" 2>&1'
const joinedLine = 'exec 2>&1; exec /bin/sh -c "$0"'

/** Serves `terminal/*`: each is a program of its own behind the wall, its output bounded to the last part. */
export function createTerminals(powers: TerminalPowers): Terminals {
  const terminals = new Map<string, Terminal>()
  let count = 0
  const live = () => [...terminals.values()].filter(({ exit }) => exit === undefined)
  const find = (terminalId: string): Terminal => {
    const found = terminals.get(terminalId)
    if (!found) throw RequestError.resourceNotFound(terminalId)
    return found
  }
  const stop = async ({ child, exit }: Terminal) => {
    if (exit === undefined) await child.terminate(max.graceMs)
  }
  return {
    services: {
      async create(request) {
        if (live().length >= max.live || terminals.size >= max.known)
          throw RequestError.internalError({ details: 'too many terminals are open' })
        const { child, limit } = await launch(powers, request)
        count += 1
        const terminal: Terminal = { child, output: createTailBuffer(limit), exit: undefined }
        terminals.set(`term-${count}`, terminal)
        follow(terminal)
        return { terminalId: `term-${count}` }
      },
      output({ terminalId }) {
        const { output, exit } = find(terminalId)
        const { text, isCut } = output.read()
        return { output: text, truncated: isCut, exitStatus: exit ? exitStatus(exit) : null }
      },
      async waitForExit({ terminalId }, signal) {
        const { child } = find(terminalId)
        const aborted = new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(RequestError.requestCancelled()), { once: true }),
        )
        return exitStatus(await Promise.race([child.exited, aborted]))
      },
      kill: async ({ terminalId }) => stop(find(terminalId)),
      async release({ terminalId }) {
        await stop(find(terminalId))
        terminals.delete(terminalId)
      },
    },
    text(terminalId) {
      const terminal = terminals.get(terminalId)
      if (!terminal) return undefined
      const { text } = terminal.output.read()
      const end = terminal.exit && terminal.exit.code !== 0 ? `\n[${describeExit(terminal.exit)}]` : ''
      return textOf(text, max.outputBytes * 2) + end
    },
    freeze: async () => void (await Promise.all(live().map(({ child }) => child.freeze()))),
    thaw: async () => void (await Promise.all(live().map(({ child }) => child.thaw()))),
    close: async () => void (await Promise.all(live().map(stop))),
  }
}

async function launch(
  { session, env, checkFolder, pay }: TerminalPowers,
  request: Parameters<Terminals['services']['create']>[0],
): Promise<{ child: Child; limit: number }> {
  const args = request.args ?? []
  const what = [request.command, ...args].join(' ').slice(0, 1000)
  const asked = request.env ?? []
  if ([request.command, ...args, ...asked.flatMap(({ name, value }) => [name, value])].some(hasNul))
    throw RequestError.invalidParams(undefined, 'a NUL byte')
  if (args.length > max.args || asked.length > max.env)
    throw RequestError.invalidParams(undefined, 'too long')
  const cwd = request.cwd ?? session.workareaPath
  await checkFolder(cwd, `run in ${cwd}`)
  const opened = session.door.open('tool:shell', what)
  if (!opened.ok) throw RequestError.internalError({ details: `refused: ${opened.reason}` })
  if (!pay()) throw RequestError.internalError({ details: 'refused: the budget of tool calls is used up' })
  const child = await session.launch({
    file: '/bin/sh',
    // A command without arguments is a line for a shell, as agents send it.
    args: args.length > 0 ? ['-c', joined, request.command, ...args] : ['-c', joinedLine, request.command],
    env: { ...env, ...namedEnvironment(asked) },
    cwd,
    survives: false,
  })
  const limit = Math.min(max.outputBytes, request.outputByteLimit ?? usualOutputBytes)
  return { child, limit }
}

function namedEnvironment(asked: readonly { readonly name: string; readonly value: string }[]) {
  return Object.fromEntries(
    asked.filter(({ name }) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)).map(({ name, value }) => [name, value]),
  )
}

const hasNul = (text: string) => text.includes('\0')

/** Reads the output to its end; what can't be read ends with the program, so an error here is its end too. */
function follow(terminal: Terminal): void {
  const read = async () => {
    await terminal.child.stdin.close().catch(() => undefined)
    for await (const chunk of terminal.child.stdout) terminal.output.add(chunk)
  }
  void read().catch(() => undefined)
  void terminal.child.exited.then((exit) => {
    terminal.exit = exit
  })
}

function exitStatus({ code, signal }: ChildExit) {
  return { exitCode: code === null || code < 0 ? null : code, signal }
}

interface TailBuffer {
  add(chunk: Uint8Array): void
  read(): { readonly text: string; readonly isCut: boolean }
}

/** The last `limit` bytes, starting at a whole character. */
function createTailBuffer(limit: number): TailBuffer {
  let chunks: Uint8Array[] = []
  let size = 0
  let isCut = false
  return {
    add(chunk) {
      chunks.push(chunk)
      size += chunk.byteLength
      while (size - (chunks[0]?.byteLength ?? 0) >= limit && chunks.length > 1) {
        size -= chunks.shift()?.byteLength ?? 0
        isCut = true
      }
    },
    read() {
      const all = Buffer.concat(chunks)
      chunks = [all]
      size = all.byteLength
      let start = Math.max(0, all.length - limit)
      while (start > 0 && start < all.length && ((all[start] ?? 0) & 0xc0) === 0x80) start += 1
      return { text: all.toString('utf8', start), isCut: isCut || start > 0 }
    },
  }
}
