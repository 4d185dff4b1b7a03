import type { IncomingMessage } from 'node:http'
import type { Failure } from './dialect-shape.ts'
import { isRecord, type JsonObject, parseJson } from './json-values.ts'

export interface RequestBody {
  readonly bytes: Buffer
  readonly json: JsonObject
}

export type BodyResult =
  | { readonly ok: true; readonly body: RequestBody }
  | { readonly ok: false; readonly failure: Failure }

const refuse = (failure: Failure): BodyResult => ({ ok: false, failure })

/** Reads a JSON object of at most `maxBytes`. What comes beyond is swallowed for a while, so that the answer arrives. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<BodyResult> {
  if (request.method === 'GET') return { ok: true, body: { bytes: Buffer.alloc(0), json: {} } }
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    return refuse({
      cause: 'bad_request',
      status: 415,
      sentence: `bodies packed as "${encoding.slice(0, 40)}" are not read`,
    })
  const bytes = await collect(request, maxBytes)
  if (!bytes)
    return refuse({
      cause: 'too_large',
      sentence: `the request is larger than ${Math.floor(maxBytes / 1048576)} MiB`,
    })
  const json = parseJson(bytes.toString('utf8'))
  if (!isRecord(json)) return refuse({ cause: 'bad_request', sentence: 'the body is no JSON object' })
  if (isDeeperThan(json, deepest))
    return refuse({ cause: 'bad_request', sentence: 'the body is nested too deeply' })
  return { ok: true, body: { bytes, json } }
}

/** undefined: too large. Rejects when the client goes away. */
function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      size += part.length
      if (size <= maxBytes) parts.push(part)
      else {
        parts.length = 0
        if (size > 2 * maxBytes) request.destroy()
      }
    })
    request.once('end', () => resolve(size <= maxBytes ? Buffer.concat(parts) : undefined))
    request.once('error', reject)
    request.once('close', () => reject(new Error('the client went away')))
  })
}

/** Schemas of tools nest, but not like this; beyond it, readers that follow the nesting would run out of stack. */
const deepest = 300

function isDeeperThan(value: object, depth: number): boolean {
  let level: object[] = [value]
  for (let at = 0; at < depth; at++) {
    level = level.flatMap((one) =>
      Object.values(one).filter((inner) => typeof inner === 'object' && inner !== null),
    )
    if (level.length === 0) return false
  }
  return true
}

/** From this length on a string without spaces is taken for packed bytes (pictures, files) and not for text. */
const packedLength = 2000
/** What a picture or file costs at least, in bytes of text. */
const packedBytes = 1000

/** How much text a request holds, in bytes: packed pictures and files count little, whatever their length. */
export function textBytes(value: unknown): number {
  let total = 0
  const left: unknown[] = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one === 'string') total += isPacked(one) ? packedBytes : Buffer.byteLength(one)
    else if (Array.isArray(one)) for (const inner of one) left.push(inner)
    else if (isRecord(one)) {
      for (const [key, inner] of Object.entries(one)) {
        total += key.length
        left.push(inner)
      }
    } else total += 2
  }
  return total
}

function isPacked(text: string): boolean {
  return text.length >= packedLength && !/\s/.test(text.slice(0, packedLength))
}
