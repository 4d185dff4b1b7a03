import type { ServerResponse } from 'node:http'
import type { Actor, Plane } from '../contract/procedure.ts'
import type { Router } from '../wire/router.ts'

const heartbeatMs = 15_000

export interface StreamCall {
  readonly path: string
  readonly plane: Plane | undefined
  readonly input: unknown
  readonly afterCursor: number | undefined
  readonly actor: Actor
  readonly signal: AbortSignal
}

/**
 * Sends a stream as server-sent events: `event: item` with id `<plane>:<cursor>`, at the end `event: end`, whose data is
 * the error or `{}`. Errors before the first item are thrown, so that the caller answers with a status.
 */
export async function sendStream(response: ServerResponse, router: Router, call: StreamCall): Promise<void> {
  const items = router.open(call.path, call.input, call)[Symbol.asyncIterator]()
  const pending = items.next()
  await Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 50))])
  const start = () => {
    if (response.headersSent) return
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.write(':ok\n\n')
  }
  const heartbeat = setInterval(() => start() ?? response.write(':\n\n'), heartbeatMs)
  const onStall = setTimeout(start, 60)
  try {
    await pump(response, items, pending, call, start)
  } catch (thrown) {
    if (!response.headersSent) throw thrown
    response.end(`event: end\ndata: ${JSON.stringify({ error: router.toWireError(thrown, call.path) })}\n\n`)
  } finally {
    clearInterval(heartbeat)
    clearTimeout(onStall)
    await items.return?.()
  }
}

async function pump(
  response: ServerResponse,
  items: AsyncIterator<{ readonly item: unknown; readonly cursor?: number }>,
  first: Promise<IteratorResult<{ readonly item: unknown; readonly cursor?: number }>>,
  call: StreamCall,
  start: () => void,
): Promise<void> {
  for (let next = await first; !next.done && !call.signal.aborted; next = await items.next()) {
    start()
    const { item, cursor } = next.value
    const id = cursor === undefined || call.plane === undefined ? '' : `id: ${call.plane}:${cursor}\n`
    if (!response.write(`${id}event: item\ndata: ${JSON.stringify(item)}\n\n`)) await drained(response)
  }
  start()
  response.end('event: end\ndata: {}\n\n')
}

/** Waits until the client has read what was written, or has gone: a slow reader holds only its own stream. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
