import { request as httpRequest } from 'node:http'
import type { Exchange } from '../wire/http-client.ts'

/** Talks HTTP to an owner-only Unix socket or named pipe. Rejects with the connection's error (`ENOENT`, `ECONNREFUSED`). */
export function createUnixExchange(socketPath: string): Exchange {
  return ({ method, path, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath,
        method,
        path,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal,
      })
      request.on('error', reject)
      request.on('response', (response) => {
        response.setEncoding('utf8')
        resolve({ status: response.statusCode ?? 0, chunks: response as AsyncIterable<string> })
      })
      request.end(body)
    })
}
