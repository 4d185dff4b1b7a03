import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A child's stdout on disk, by the offset of each byte; the oldest segments go when the bound is reached. */
export interface OutputLog {
  /** How many bytes were ever written. */
  readonly total: number
  /** The offset of the first byte still held. */
  readonly first: number
  /** Throws what the file system throws (no space left). */
  append(chunk: Uint8Array): void
  /** At most `max` bytes from `from` on, which is not before `first`; empty at the end. */
  read(from: number, max: number): Buffer
  close(): void
}

export interface LogLimits {
  readonly segmentBytes: number
  readonly segments: number
}

interface Segment {
  readonly from: number
  readonly path: string
  size: number
}

/** Opens the log in `directory`, empty or left by a process that is gone. */
export function openOutputLog(directory: string, limits: LogLimits): OutputLog {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const segments = findSegments(directory)
  const reader = createReader()
  let writing: { readonly segment: Segment; readonly fd: number } | undefined

  function total(): number {
    const last = segments.at(-1)
    return last ? last.from + last.size : 0
  }
  function close(): void {
    if (writing) closeSync(writing.fd)
    writing = undefined
    reader.close()
  }
  function current(): { readonly segment: Segment; readonly fd: number } {
    if (writing && writing.segment.size < limits.segmentBytes) return writing
    const from = total()
    const segment = { from, path: join(directory, `out.${from}`), size: 0 }
    const fd = openSync(segment.path, 'a', 0o600)
    if (writing) closeSync(writing.fd)
    segments.push(segment)
    for (const old of segments.splice(0, Math.max(0, segments.length - limits.segments)))
      rmSync(old.path, { force: true })
    writing = { segment, fd }
    return writing
  }
  return {
    get total() {
      return total()
    },
    get first() {
      return segments[0]?.from ?? 0
    },
    append(chunk) {
      const target = current()
      for (let written = 0; written < chunk.byteLength; ) {
        const count = writeSync(target.fd, chunk, written, chunk.byteLength - written)
        written += count
        target.segment.size += count
      }
    },
    read(from, max) {
      const segment = segments.findLast((one) => one.from <= from)
      if (!segment) return Buffer.alloc(0)
      const left = segment.from + segment.size - from
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(max, left)))
      if (buffer.length === 0) return buffer
      const count = readSync(reader.open(segment.path), buffer, 0, buffer.length, from - segment.from)
      return buffer.subarray(0, count)
    },
    close,
  }
}

function findSegments(directory: string): Segment[] {
  return readdirSync(directory)
    .filter((name) => /^out\.\d+$/.test(name))
    .map((name) => ({ from: Number(name.slice(4)), path: join(directory, name), size: 0 }))
    .map((segment) => ({ ...segment, size: statSync(segment.path).size }))
    .sort((a, b) => a.from - b.from)
}

/** Keeps the segment open that was read last. */
function createReader() {
  let opened: { readonly path: string; readonly fd: number } | undefined
  const close = () => {
    if (opened) closeSync(opened.fd)
    opened = undefined
  }
  return {
    close,
    open(path: string): number {
      if (opened?.path !== path) {
        close()
        opened = { path, fd: openSync(path, 'r') }
      }
      return opened.fd
    },
  }
}
