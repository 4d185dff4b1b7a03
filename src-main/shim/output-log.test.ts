import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openOutputLog } from './output-log.ts'

let folder: string
const limits = { segmentBytes: 100, segments: 3 }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'output-log-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Reads all that is held, in pieces that cross the borders of segments. */
function readFrom(log: ReturnType<typeof openOutputLog>, from: number): string {
  let text = ''
  for (let at = from; ; ) {
    const piece = log.read(at, 33)
    if (piece.length === 0) return text
    text += piece.toString()
    at += piece.length
  }
}

it('gives every byte by its offset', () => {
  const log = openOutputLog(folder, limits)
  log.append(Buffer.from('a'.repeat(90)))
  log.append(Buffer.from('b'.repeat(90)))
  expect(log.total).toBe(180)
  expect(readFrom(log, 85)).toBe(`${'a'.repeat(5)}${'b'.repeat(90)}`)
  expect(log.read(180, 10).length).toBe(0)
  log.close()
})

it('keeps within its bound, dropping the oldest, and counts on', () => {
  const log = openOutputLog(folder, limits)
  let all = ''
  for (let n = 0; n < 200; n += 1) {
    const text = `${n};`.padStart(10)
    all += text
    log.append(Buffer.from(text))
  }
  expect(log.total).toBe(2000)
  expect(log.first).toBe(1700)
  expect(readdirSync(folder).length).toBe(3)
  expect(readFrom(log, log.first)).toBe(all.slice(log.first))
  log.close()
})

it('goes on where another process left it', () => {
  const first = openOutputLog(folder, limits)
  first.append(Buffer.from('x'.repeat(150)))
  first.append(Buffer.from('y'.repeat(70)))
  first.close()
  const second = openOutputLog(folder, limits)
  expect(second.total).toBe(220)
  second.append(Buffer.from('z'))
  expect(readFrom(second, 149)).toBe(`x${'y'.repeat(70)}z`)
  second.close()
})
