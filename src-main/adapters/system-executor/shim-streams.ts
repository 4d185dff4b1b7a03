import type { Socket } from 'node:net'
import { encodeFrame } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'

/** How much output may be under way before anybody reads it. */
const windowBytes = 1024 * 1024

interface Pending {
  readonly upTo: number
  resolve(): void
  reject(error: Error): void
}

/** A promise and what settles it. */
export function settled<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** A write resolves when its bytes are in the child's pipe, so what resolved is never lost with the app. */
export function createInput(socket: Socket) {
  let sent = 0
  let isClosed = false
  let waiting: Pending[] = []
  const closed = () => new ExecutorError('stdin_closed', 'The program no longer reads its input.')
  const stream = new WritableStream<Uint8Array>({
    write(chunk) {
      if (isClosed) throw closed()
      return new Promise<void>((resolve, reject) => {
        socket.write(encodeFrame({ type: 'stdin', offset: sent }, chunk))
        sent += chunk.byteLength
        waiting.push({ upTo: sent, resolve, reject })
      })
    },
    close() {
      if (!isClosed) socket.write(encodeFrame({ type: 'stdinEnd' }))
    },
  })
  return {
    stream,
    start(bytes: number) {
      sent = bytes
    },
    acknowledge(bytes: number) {
      for (const one of waiting) if (one.upTo <= bytes) one.resolve()
      waiting = waiting.filter(({ upTo }) => upTo > bytes)
    },
    close() {
      isClosed = true
      for (const one of waiting.splice(0)) one.reject(closed())
    },
  }
}

/**
 * The child's output. The shim may send as much as the reader has taken plus a window, so that control messages never
 * wait behind output that nobody reads.
 */
export function createOutput(socket: Socket) {
  let at = 0
  let end: number | undefined
  let isOver = false
  const credit = createCredit(socket)
  const finished = settled<void>()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own
      },
      pull: () => credit.grant(at),
      cancel() {
        isOver = true
        // Nobody wants the rest; the child must not wait for a reader that went.
        credit.grant(Number.MAX_SAFE_INTEGER - windowBytes)
        settle()
      },
    },
    { highWaterMark: windowBytes, size: (chunk) => chunk.byteLength },
  )
  function settle(): void {
    if (end === undefined || (at < end && !isOver)) return
    if (!isOver) controller?.close()
    isOver = true
    finished.resolve()
  }
  return {
    stream,
    /** Resolves when the child has ended and all of its output was taken, or nobody wants it. */
    finished: finished.promise,
    start(from: number) {
      at = from
      credit.start(from)
    },
    push(offset: number, payload: Uint8Array) {
      at = offset + payload.byteLength
      if (!isOver) controller?.enqueue(payload)
      if ((controller?.desiredSize ?? 0) > 0) credit.grant(at)
      settle()
    },
    finishAt(total: number) {
      end = total
      settle()
    },
    /** `isWilled`: the app let go; else the shim was lost and what is missing must not look like an end. */
    abandon(isWilled: boolean) {
      if (!isOver && isWilled) controller?.close()
      else if (!isOver)
        controller?.error(new ExecutorError('child_unreachable', 'The rest of the output is lost.'))
      isOver = true
    },
  }
}

/** Tells the shim up to where it may send; small steps are saved up. */
function createCredit(socket: Socket) {
  let granted: number | undefined
  function grant(from: number): void {
    const upTo = from + windowBytes
    if (granted === undefined || upTo - granted < windowBytes / 2 || socket.destroyed) return
    granted = upTo
    socket.write(encodeFrame({ type: 'credit', upTo }))
  }
  return {
    grant,
    start(from: number) {
      granted = from
      grant(from)
    },
  }
}
