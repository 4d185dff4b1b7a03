import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Child, ChildIdentity } from '../../ports/executor.ts'
import { openOutputLog } from '../../shim/output-log.ts'
import { parseExit } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'

const pieceBytes = 64 * 1024

/** A child that ended while no app was there: its output and its end are read from the disk; undefined: nothing is left. */
export function readFinishedChild(
  identity: ChildIdentity,
  fromByte: number,
  about: Pick<Child, 'confinement'>,
  onRead: () => void,
): Child | undefined {
  const { logPath } = identity
  if (!logPath || !existsSync(join(logPath, 'exit.json'))) return undefined
  const exit = parseExit(JSON.parse(readFileSync(join(logPath, 'exit.json'), 'utf8')))
  if (!exit) return undefined
  const log = openOutputLog(logPath, {
    segmentBytes: Number.MAX_SAFE_INTEGER,
    segments: Number.MAX_SAFE_INTEGER,
  })
  let at = Math.min(Math.max(fromByte, log.first), log.total)
  const done = () => {
    log.close()
    onRead()
  }
  const end = { code: exit.code, signal: exit.signal }
  const gone = () => Promise.resolve()
  return {
    identity,
    ...about,
    stdin: new WritableStream({
      write() {
        throw new ExecutorError('stdin_closed', 'The program has ended.')
      },
    }),
    stdout: new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = log.read(at, pieceBytes)
        at += piece.length
        if (piece.length > 0) return controller.enqueue(piece)
        controller.close()
        done()
      },
      cancel: done,
    }),
    stderrTail: () => '',
    exited: Promise.resolve(end),
    terminate: () => Promise.resolve(end),
    freeze: gone,
    thaw: gone,
    detach: gone,
  }
}
