import type { Driver, DriverResult } from '../../kernel/abi.ts'
import { type ExecRequest, parseExecRequest } from './exec-request.ts'
import { KeptOutput } from './kept-output.ts'
import { type Program, type StartProgram, startPlain } from './program.ts'
import { createWatch, TreeUsage, type Watch } from './tree-usage.ts'

const MIB = 2 ** 20
/** How long output may still come after all processes have been ended. */
const DRAIN_MS = 2_000

/** What came of a program. */
export interface ExecResult {
  /** As a shell gives it: 128 and the signal's number when a signal ended the program. Null when it was ended from here. */
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** CPU time of the program and all it started, user and system, ms. */
  readonly cpuMs: number
  /** The most memory that all of it held at once; sampled, so a short peak may be missed. 0 where it can't be seen. */
  readonly maxRssBytes: number
  readonly durationMs: number
  readonly isTimedOut: boolean
  readonly isTruncated: boolean
  /** Who measured the CPU time: the system counted it, we looked every 100 ms, or nobody could. */
  readonly measured: 'counted' | 'sampled' | 'none'
}

export interface ExecDriverOptions {
  readonly name?: string
  /** What starts programs, and what stands around them. */
  readonly start?: StartProgram
  /** Where programs run whose request names no folder. */
  readonly cwd?: string
}

/**
 * Runs programs to their end: `read {file, args, cwd, env, stdin, timeoutMs, maxOutputBytes}`. Costs one tool call, charged
 * before it starts, and when it has ended one reduction for each ms of CPU time and each MiB of peak memory of all its
 * processes. Nothing outlives it: what a program leaves behind is ended with it, and closing the handle ends them all.
 */
export function execDriver({ name = 'exec', start = startPlain, cwd = '/' }: ExecDriverOptions = {}): Driver {
  const watch = createWatch()
  return {
    name,
    prepaid: { read: { toolCalls: 1 } },
    uses: ['toolCalls'],
    concurrency: 4,
    open() {
      const life = new AbortController()
      return {
        read: (request) => runProgram(parseExecRequest(request, cwd), start, watch, life.signal),
        close: () => life.abort(),
      }
    },
  }
}

async function runProgram(
  request: ExecRequest,
  start: StartProgram,
  watch: Watch,
  life: AbortSignal,
): Promise<DriverResult<ExecResult>> {
  life.throwIfAborted()
  const startedMs = performance.now()
  const program = await start(request, life)
  const usage = new TreeUsage(program.leader ?? -1)
  if (program.leader !== undefined) watch.add(usage)
  try {
    const end = await awaitEnd(program, request, usage, watch, life)
    const countedMs = await program.countedMs
    const cpuMs = Math.max(countedMs ?? 0, usage.cpuMs)
    const value: ExecResult = {
      ...end,
      cpuMs,
      maxRssBytes: usage.peakBytes,
      durationMs: Math.round(performance.now() - startedMs),
      measured: countedMs !== undefined ? 'counted' : usage.hasSeen ? 'sampled' : 'none',
    }
    const reductions = Math.ceil(cpuMs) + Math.ceil(usage.peakBytes / MIB)
    return { value, cost: { reductions } }
  } finally {
    watch.remove(usage)
  }
}

type End = Pick<ExecResult, 'code' | 'signal' | 'stdout' | 'stderr' | 'isTimedOut' | 'isTruncated'>

async function awaitEnd(
  program: Program,
  request: ExecRequest,
  usage: TreeUsage,
  watch: Watch,
  life: AbortSignal,
): Promise<End> {
  const stdout = new KeptOutput(request.maxOutputBytes)
  const stderr = new KeptOutput(request.maxOutputBytes)
  const drained = Promise.all([
    drain(program.stdout, stdout),
    drain(program.stderr, stderr),
    program.feed(request.stdin),
  ])
  let isTimedOut = false
  // The last look is taken while there is still something to see.
  const stop = async (): Promise<void> => {
    await watch.look().catch(() => undefined)
    program.kill()
  }
  const timer = setTimeout(() => {
    isTimedOut = true
    void stop()
  }, request.timeoutMs)
  const onClose = (): void => void stop()
  life.addEventListener('abort', onClose, { once: true })
  if (life.aborted) onClose()
  const exit = await program.exited
  clearTimeout(timer)
  life.removeEventListener('abort', onClose)
  await endRemaining(program, usage, watch)
  await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())])
  const tail = program.stderr ? stderr.text() : (program.stderrTail?.() ?? '')
  return {
    ...endOf(exit),
    stdout: stdout.text(),
    stderr: tail,
    isTimedOut,
    isTruncated: stdout.isTruncated || stderr.isTruncated,
  }
}

/** Ends what a program left running: its group, and of what left that too whatever was seen. */
async function endRemaining(program: Program, usage: TreeUsage, watch: Watch): Promise<void> {
  await watch.look().catch(() => undefined)
  program.kill()
  for (const pid of usage.pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

const SIGNALS: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  131: 'SIGQUIT',
  134: 'SIGABRT',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  141: 'SIGPIPE',
  143: 'SIGTERM',
}

function endOf({
  code,
  signal,
}: {
  code: number | null
  signal: string | null
}): Pick<End, 'code' | 'signal'> {
  return { code, signal: signal ?? (code === null ? null : (SIGNALS[code] ?? null)) }
}

async function drain(stream: AsyncIterable<Uint8Array> | undefined, into: KeptOutput): Promise<void> {
  if (!stream) return
  try {
    for await (const chunk of stream) into.take(chunk)
  } catch {
    // A broken pipe is an output that has ended.
  }
}
