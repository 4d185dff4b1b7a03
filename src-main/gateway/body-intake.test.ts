import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { takeIn } from './body-intake.ts'
import { createByteRoom } from './byte-room.ts'
import { createTurnPace } from './turn-pace.ts'

const kib = 1024
const pieceBytes = 64 * kib
const bodyBytes = 4096 * kib

/** A request whose body is there at once, and what of it was taken. */
function arrived(onTaken: (bytes: number) => void) {
  const request = new IncomingMessage(new Socket())
  request.headers['content-length'] = String(bodyBytes)
  let left = bodyBytes
  request._read = () => {
    const piece = Buffer.alloc(Math.min(pieceBytes, left), 'x')
    left -= piece.length
    onTaken(piece.length)
    request.complete = left === 0
    request.push(piece.length === 0 ? null : piece)
  }
  return request
}

it('takes no more in one turn than its measure, however many bodies have come', async () => {
  const perTurn: number[] = [0]
  let isOver = false
  const beat = () => {
    perTurn.push(0)
    if (!isOver) setImmediate(beat)
  }
  setImmediate(beat)
  const onTaken = (bytes: number) => {
    perTurn[perTurn.length - 1] = (perTurn.at(-1) ?? 0) + bytes
  }
  const powers = {
    maxBytes: bodyBytes,
    shortBytes: 128 * kib,
    room: createByteRoom({ allBytes: 10 * bodyBytes, ownerBytes: 10 * bodyBytes }),
    pace: createTurnPace(512 * kib, setImmediate),
    signal: new AbortController().signal,
  }
  const bodies = await Promise.all(
    Array.from({ length: 6 }, () => takeIn(arrived(onTaken), { ...powers, owner: {} })),
  )
  isOver = true
  expect(bodies.map((body) => body?.bytes.equals(Buffer.alloc(bodyBytes, 'x')))).toEqual(Array(6).fill(true))
  // Each of the six may hold two pieces that it has not taken yet.
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(512 * kib + 13 * pieceBytes)
})
