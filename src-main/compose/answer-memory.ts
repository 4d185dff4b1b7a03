import type { TapedChunk } from '../ports/gateway.ts'
import { type AnswerBytes, countsOf, piecesOf } from './packed-answer.ts'

/** An answer in memory that threads share: blocks that follow each other, and five numbers for each of its pieces. */
export interface SharedAnswer {
  readonly blocks: readonly SharedArrayBuffer[]
  readonly sizeBytes: number
  readonly counts: readonly SharedArrayBuffer[]
  /** How many numbers there are. */
  readonly countsLength: number
}

/** Takes an answer in piece by piece, so that no moment has to move all of it. */
export interface AnswerMemory {
  readonly sizeBytes: number
  add(chunk: TapedChunk): void
  /** What was added, once it is long; undefined of a short answer. */
  shared(): SharedAnswer | undefined
  chunks(): readonly TapedChunk[]
  /** Nothing more is kept, and nothing of what was. */
  forget(): void
}

const blockBytes = 1024 * 1024

/** Bytes one after the other, in blocks of which none is ever moved. */
function createBlocks() {
  const blocks: SharedArrayBuffer[] = []
  let size = 0
  return {
    blocks,
    get size() {
      return size
    },
    add(bytes: Uint8Array): void {
      for (let at = 0; at < bytes.length; ) {
        const offset = size % blockBytes
        if (offset === 0) blocks.push(new SharedArrayBuffer(blockBytes))
        const block = blocks.at(-1)
        const part = bytes.subarray(at, at + blockBytes - offset)
        if (block) new Uint8Array(block).set(part, offset)
        at += part.length
        size += part.length
      }
    },
  }
}

type Blocks = ReturnType<typeof createBlocks>

/** `shortBytes`: up to here an answer is short, and kept as it comes. */
export function createAnswerMemory(shortBytes: number): AnswerMemory {
  let few: TapedChunk[] = []
  let sizeBytes = 0
  let long: { readonly bytes: Blocks; readonly counts: Blocks } | undefined
  const addLong = ({ bytes, use }: TapedChunk) => {
    long ??= { bytes: createBlocks(), counts: createBlocks() }
    long.bytes.add(bytes)
    long.counts.add(new Uint8Array(Float64Array.from(countsOf(bytes.length, use)).buffer))
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    add(chunk) {
      sizeBytes += chunk.bytes.length
      if (sizeBytes <= shortBytes) few.push(chunk)
      else for (const one of [...few.splice(0), chunk]) addLong(one)
    },
    shared: () => long && sharedOf(long),
    chunks: () => (long ? (piecesOf(joined(sharedOf(long))) ?? []) : few),
    forget() {
      few = []
      long = undefined
    },
  }
}

function sharedOf({ bytes, counts }: { readonly bytes: Blocks; readonly counts: Blocks }): SharedAnswer {
  const countsLength = counts.size / Float64Array.BYTES_PER_ELEMENT
  return { blocks: bytes.blocks, sizeBytes: bytes.size, counts: counts.blocks, countsLength }
}

/** The whole answer, copied together. */
export function joined({ blocks, sizeBytes, counts, countsLength }: SharedAnswer): AnswerBytes {
  const numbers = new Float64Array(countsLength)
  new Uint8Array(numbers.buffer).set(together(counts, numbers.byteLength))
  return { counts: numbers, bytes: together(blocks, sizeBytes) }
}

function together(blocks: readonly SharedArrayBuffer[], sizeBytes: number): Buffer {
  return Buffer.concat(
    blocks.map((block) => Buffer.from(block)),
    sizeBytes,
  )
}
