import type { Dialect, Route } from '../ports/gateway.ts'
import type { ModelSettings, WrittenRequest } from '../ports/models.ts'
import type { BodyReading, ReadingWish } from './body-reading.ts'

/** A body in memory that threads share; it begins with the first byte. */
export interface SharedBody {
  readonly block: SharedArrayBuffer
  readonly sizeBytes: number
}

export interface LongReadingWish extends ReadingWish {
  /** The canonical request is wanted as a recording keeps it, masked and packed, and not as text. */
  readonly isRecorded: boolean
}

/** What a request in another dialect is made of, besides its body. Plain data. */
export interface TranslationWish {
  readonly dialect: Dialect
  readonly route: Pick<Route, 'provider' | 'model' | 'baseUrl' | 'apiKey' | 'dialect'>
  /** What the provider wants back with calls of this conversation, by the id of the call. */
  readonly providerData: ReadonlyMap<string, string>
}

export type Translation =
  | {
      readonly ok: true
      readonly written: WrittenRequest
      /** Of the request's settings those by which its answer is read. */
      readonly settings: Pick<ModelSettings, 'json'>
      readonly freeFormTools: readonly string[]
    }
  /** It cannot be translated, or no upstream takes it: a sentence for the CLI. */
  | { readonly ok: false; readonly cause: 'bad_request' | 'upstream_failed'; readonly sentence: string }

/** Who asks: jobs of different owners take turns, whoever has many. */
export interface JobOwner {
  readonly owner: object
  /** The job is dropped when this fires before a thread has begun. */
  readonly signal: AbortSignal
}

/**
 * The work on long bodies, on threads, with the results of the same functions that read short bodies at once. Jobs may
 * overtake each other, also those of one owner. Rejects when a thread cannot do it, and when the signal fires before it
 * began.
 */
export interface LongRequests {
  read(body: SharedBody, wish: LongReadingWish, by: JobOwner): Promise<BodyReading>
  translate(body: SharedBody, wish: TranslationWish, by: JobOwner): Promise<Translation>
}
