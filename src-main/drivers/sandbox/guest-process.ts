import type { Readable, Writable } from 'node:stream'
import { MAX_MESSAGE_CHARS } from './guest-message.ts'
import { splitLines } from './line-splitter.ts'
import { threadGuests } from './thread-guest.ts'

/** Memory that the program itself takes beside the guest's heap. */
const OWN_MB = 256
const LOOK_MS = 50

export interface GuestProcess {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly memMb: number
  readonly residentBytes: () => number
  readonly exit: () => void
}

/**
 * Serves one guest from a process of its own: the guest runs on a thread below, so that this side stays awake to notice
 * that its owner is gone, or that memory grows outside the heap that V8 counts. One JSON text per line, both ways.
 */
export function serveGuestProcess({ stdin, stdout, memMb, residentBytes, exit }: GuestProcess): void {
  const say = (text: string): boolean => stdout.write(`${text}\n`)
  const over = (why: string): void => {
    say(`x${JSON.stringify(why)}`)
    exit()
  }
  const link = threadGuests(
    { memMb },
    {
      heard: (message) => {
        if (typeof message === 'string' && !message.includes('\n')) say(message)
        else over('the sandbox sent a malformed message')
      },
      ended: over,
    },
  )
  const lines = splitLines(MAX_MESSAGE_CHARS * 4, (line) => link.send(line))
  stdin.on('data', (chunk: Buffer) => {
    if (!lines(chunk)) exit()
  })
  stdin.on('end', exit)
  stdin.on('error', exit)
  stdout.on('error', exit)
  setInterval(() => {
    if (residentBytes() > (memMb + OWN_MB) * 2 ** 20) over('the sandbox ran out of memory')
  }, LOOK_MS)
}
