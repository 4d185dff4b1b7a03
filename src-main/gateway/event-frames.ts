/** Longest piece of a stream that is held back to complete an event; beyond it bytes go on as they come. */
const longestHeldBytes = 256 * 1024

const lineFeed = 10
const carriageReturn = 13

/**
 * Cuts a stream of server-sent events at the blank lines between them (WHATWG HTML §9.2.6), whatever line ends it uses.
 * No byte is lost or changed; `take` gives the whole events of what has come so far.
 */
export interface EventFrames {
  take(chunk: Buffer): Buffer[]
  /** What was left over at the end of the stream. */
  rest(): Buffer
}

export function createEventFrames(): EventFrames {
  let held: Buffer = Buffer.alloc(0)
  /** Where in `held` to go on looking, and whether the line before it was empty so far. */
  let from = 0
  let isLineEmpty = true
  /** Ends of whole events in `held`. Stops before a carriage return whose line feed may still come. */
  function boundaries(): number[] {
    const ends: number[] = []
    let index = from
    for (; index < held.length; index++) {
      const byte = held[index]
      if (byte !== lineFeed && byte !== carriageReturn) {
        isLineEmpty = false
        continue
      }
      if (byte === carriageReturn) {
        if (index + 1 === held.length) break
        if (held[index + 1] === lineFeed) index += 1
      }
      if (isLineEmpty) ends.push(index + 1)
      isLineEmpty = true
    }
    from = index
    return ends
  }
  return {
    take(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      let start = 0
      const frames = boundaries().map((end) => {
        const frame = held.subarray(start, end)
        start = end
        return frame
      })
      held = held.subarray(start)
      from -= start
      if (held.length > longestHeldBytes) {
        frames.push(held)
        held = Buffer.alloc(0)
        from = 0
      }
      return frames
    },
    rest: () => held,
  }
}

/** The data of an event, its lines joined; undefined when it has none (comments, pings). */
export function dataOf(frame: Buffer): string | undefined {
  const text = frame.toString('utf8')
  const at = text.indexOf('data:')
  if (at < 0) return undefined
  const lines = text
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line[5] === ' ' ? 6 : 5))
  return lines.length === 0 ? undefined : lines.join('\n')
}
