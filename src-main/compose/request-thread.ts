import type { MessagePort } from 'node:worker_threads'
import { createMask } from '../adapters/masking/mask.ts'
import { writeRequest } from '../adapters/models/written-request.ts'
import { type BodyReading, parsedBody, readBody } from '../gateway/body-reading.ts'
import { Untranslatable } from '../gateway/dialect-shape.ts'
import type { LongReadingWish, SharedBody, Translation, TranslationWish } from '../gateway/long-requests.ts'
import { modelRequestOf } from '../gateway/model-request.ts'
import type { CanonicalRequest } from '../ports/gateway.ts'
import { ModelFault, type ModelRequest } from '../ports/models.ts'
import { joined, type SharedAnswer } from './answer-memory.ts'
import { type CallReading, type CallWish, readCall } from './call-text.ts'
import { packAnswer } from './packed-answer.ts'
import { longestTextChars, packedText } from './packed-text.ts'

/** What the thread is to do with a body. The bytes are not copied on their way, nor is anything made of them. */
export type RequestJob =
  | { readonly type: 'read'; readonly body: SharedBody; readonly wish: LongReadingWish }
  | { readonly type: 'translate'; readonly body: SharedBody; readonly wish: TranslationWish }
  /** A request of our own process, as `call-text.ts` writes it. */
  | { readonly type: 'call'; readonly body: SharedBody; readonly wish: CallWish }
  | { readonly type: 'answer'; readonly answer: SharedAnswer }

export type RequestMessage =
  | { readonly type: 'job'; readonly job: RequestJob }
  /** All secrets that are known by now, in the order in which they became known. */
  | { readonly type: 'secrets'; readonly secrets: readonly string[] }

/** The answer to the one job that the thread was given. */
export type RequestAnswer =
  | { readonly type: 'reading'; readonly reading: BodyReading }
  | { readonly type: 'translation'; readonly translation: Translation }
  | { readonly type: 'call'; readonly reading: CallReading }
  | { readonly type: 'answer'; readonly packed: Uint8Array<ArrayBuffer> }
  | { readonly type: 'problem'; readonly reason: string }

type MaskText = (text: string) => string

/** A recording names where a replay leaves it by comparing so much, and shows a little of what follows. */
const comparedChars = longestTextChars + 100
/** So many free-form tools nobody offers. */
const mostFreeFormTools = 1000

/** Serves long requests on a thread of its own, one after the other. */
export function serveRequests(port: MessagePort | null): void {
  if (!port) throw new Error('a thread for requests needs a port')
  let mask: MaskText = createMask().mask
  port.on('message', async (message: RequestMessage) => {
    if (message.type === 'secrets') {
      mask = createMask(message.secrets).mask
      return
    }
    const answer = await answerTo(message.job, mask)
    port.postMessage(answer, handedOver(answer))
  })
}

/** What goes to the asker without being copied. */
function handedOver(answer: RequestAnswer): ArrayBuffer[] {
  if (answer.type === 'answer') return [answer.packed.buffer]
  const written =
    answer.type === 'translation' && answer.translation.ok
      ? answer.translation.written
      : answer.type === 'call'
        ? answer.reading.written
        : undefined
  return written ? [written.body.buffer] : []
}

async function answerTo(job: RequestJob, mask: MaskText): Promise<RequestAnswer> {
  try {
    switch (job.type) {
      case 'read':
        return { type: 'reading', reading: readLong(bytesOf(job.body), job.wish, mask) }
      case 'translate':
        return { type: 'translation', translation: await translateLong(bytesOf(job.body), job.wish) }
      case 'call': {
        const { canonical, written } = await readCall(bytesOf(job.body), job.wish)
        return { type: 'call', reading: { canonical: canonical && kept(canonical, job.wish, mask), written } }
      }
      case 'answer':
        return { type: 'answer', packed: packAnswer(joined(job.answer), mask) }
    }
  } catch (error) {
    return { type: 'problem', reason: error instanceof Error ? error.message : String(error) }
  }
}

function bytesOf({ block, sizeBytes }: SharedBody): Buffer {
  return Buffer.from(block, 0, sizeBytes)
}

/** Reads a body as the gateway itself reads a short one, and does what a recording would do with its text. */
export function readLong(bytes: Buffer, wish: LongReadingWish, mask: MaskText): BodyReading {
  const { reading } = readBody(bytes, wish)
  if (!reading.ok || !reading.canonical) return reading
  return { ...reading, canonical: kept(reading.canonical, wish, mask) }
}

/** A canonical request without the text that nobody needs on the other side. */
function kept(
  { title, hash, text }: CanonicalRequest,
  { isRecorded }: Pick<LongReadingWish, 'isRecorded'>,
  mask: MaskText,
): CanonicalRequest {
  return isRecorded
    ? { title, hash, text: '', packed: packedText(mask(text)) }
    : { title, hash, text: text.slice(0, comparedChars) }
}

/** Writes the upstream's request in its own dialect. */
export async function translateLong(bytes: Buffer, wish: TranslationWish): Promise<Translation> {
  try {
    const body = parsedBody(bytes)
    if (!body) throw new Untranslatable('the request cannot be read')
    const { request, freeFormTools } = modelRequestOf(body, wish)
    if (freeFormTools.size > mostFreeFormTools) throw new Untranslatable('the request has too many tools')
    const written = await writeRequest(request)
    return { ok: true, written, settings: readingSettings(request), freeFormTools: [...freeFormTools] }
  } catch (error) {
    if (error instanceof Untranslatable) return { ok: false, cause: 'bad_request', sentence: error.message }
    if (!(error instanceof ModelFault)) throw error
    return { ok: false, cause: 'upstream_failed', sentence: `the model provider says: ${error.message}` }
  }
}

/** Whether JSON was asked for decides how an answer is read, not which. */
function readingSettings({ settings }: ModelRequest): Extract<Translation, { ok: true }>['settings'] {
  const json = settings?.json
  return json ? { json: { schema: json.schema ? { type: 'object' } : null } } : {}
}
