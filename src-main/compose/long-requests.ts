import type { BodyReading } from '../gateway/body-reading.ts'
import type { JobOwner, LongRequests, SharedBody, Translation } from '../gateway/long-requests.ts'
import type { RequestAnswer, RequestJob } from './request-thread.ts'
import { createThreadDesk, type DeskParts } from './thread-desk.ts'

export type LongRequestParts = DeskParts

type JobOf<Type extends RequestJob['type']> = Extract<RequestJob, { type: Type }>
type AnswerOf<Type extends RequestAnswer['type']> = Extract<RequestAnswer, { type: Type }>

/** The threads for long requests and answers. */
export interface LongRequestThreads extends LongRequests {
  /** Reads a request of our own process, and writes it for its provider. */
  readCall(body: SharedBody, wish: JobOf<'call'>['wish'], by: JobOwner): Promise<AnswerOf<'call'>['reading']>
  /** Masks an answer and packs it for a recording. */
  packAnswer(answer: JobOf<'answer'>['answer'], by: JobOwner): Promise<AnswerOf<'answer'>['packed']>
  /** Starts the usual one, so that the first long request does not wait for it. */
  warm(): void
  /** Ends them; what waits for them fails. */
  close(): Promise<void>
}

/**
 * Longer ones are for the other thread. A model's window of a million tokens is about as much text; what is longer are
 * pictures, and attempts to keep us busy.
 */
const usualBytes = 4 * 1024 * 1024

/**
 * Two threads for long requests: one that is kept, for the usual ones, and one for the very long, that goes when it was
 * not needed for a while, since a heap that was large stays large. So nobody waits behind 30 MB who does not send as much.
 * If a thread breaks off another one takes over, and nothing is lost: bodies lie in shared memory.
 */
export function createLongRequests(parts: LongRequestParts): LongRequestThreads {
  const usual = createThreadDesk(parts, 'for good')
  const veryLong = createThreadDesk(parts, 'while busy')
  const ask = async <Type extends RequestAnswer['type']>(
    type: Type,
    job: RequestJob,
    by: JobOwner,
  ): Promise<AnswerOf<Type>> => {
    const desk = sizeOf(job) > usualBytes ? veryLong : usual
    const answer = await desk.ask(job, by)
    if (!isOf(answer, type)) throw new Error('the thread gave another answer than was asked for')
    return answer
  }
  return {
    warm: usual.warm,
    async close() {
      await Promise.all([usual.close(), veryLong.close()])
    },
    async read(body, wish, by): Promise<BodyReading> {
      return (await ask('reading', { type: 'read', body, wish }, by)).reading
    },
    async translate(body, wish, by): Promise<Translation> {
      return (await ask('translation', { type: 'translate', body, wish }, by)).translation
    },
    async readCall(body, wish, by) {
      return (await ask('call', { type: 'call', body, wish }, by)).reading
    },
    async packAnswer(answer, by) {
      return (await ask('answer', { type: 'answer', answer }, by)).packed
    },
  }
}

function isOf<Type extends RequestAnswer['type']>(
  answer: RequestAnswer,
  type: Type,
): answer is AnswerOf<Type> {
  return answer.type === type
}

function sizeOf(job: RequestJob): number {
  return job.type === 'answer' ? job.answer.sizeBytes : job.body.sizeBytes
}
