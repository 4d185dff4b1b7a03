import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** Chunks of one stream and how many there are each second. */
export const chunksPerStream = 400
export const chunksPerSecond = 200

const filler = 'Some words as a model would say them, of the usual length of a chunk. '

/** Now, in milliseconds, the same in all threads and processes of the machine. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function chunk(index: number): string {
  const delta = { content: filler }
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', sentAtMs: sharedNowMs(), choices: [{ index: 0, delta, finish_reason: index + 1 === chunksPerStream ? 'stop' : null }] })}\n\n`
}

/** A model server that does nothing but send chunks on time, each with the moment of its sending. */
function serve(): void {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const startedAtMs = sharedNowMs()
      let sent = 0
      const timer = setInterval(() => {
        const due = ((sharedNowMs() - startedAtMs) * chunksPerSecond) / 1000
        while (sent <= due && sent < chunksPerStream) response.write(chunk(sent++))
        if (sent < chunksPerStream) return
        clearInterval(timer)
        response.end(
          'data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":7000}}\n\ndata: [DONE]\n\n',
        )
      }, 1000 / chunksPerSecond)
      response.on('close', () => clearInterval(timer))
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
}

if (workerData === 'upstream') serve()
