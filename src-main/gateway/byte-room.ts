/** Room for request bodies in memory: who finds none waits, and what it wanted to read waits at its sender. */
export interface ByteRoom {
  /** Resolves with the way out, to be called once, as soon as there is room. Rejects when the signal fires first. */
  take(owner: object, bytes: number, signal: AbortSignal): Promise<() => void>
}

export interface RoomSize {
  readonly allBytes: number
  /** So much of it for one owner: no session takes the room of all others. */
  readonly ownerBytes: number
}

interface Waiting {
  readonly owner: object
  readonly bytes: number
  enter(): void
}

/** What is larger than the whole room is let in alone. */
export function createByteRoom({ allBytes, ownerBytes }: RoomSize): ByteRoom {
  const queue: Waiting[] = []
  const held = new Map<object, number>()
  let all = 0
  const fits = (inside: number, bytes: number, most: number) => inside === 0 || inside + bytes <= most
  function leave({ owner, bytes }: Waiting): void {
    all -= bytes
    const rest = (held.get(owner) ?? 0) - bytes
    if (rest > 0) held.set(owner, rest)
    else held.delete(owner)
    admit()
  }
  /** In the order in which they came; an owner whose own share is used up lets others pass. */
  function admit(): void {
    for (let at = 0; at < queue.length; ) {
      const next = queue[at]
      if (!next || !fits(all, next.bytes, allBytes)) return
      const own = held.get(next.owner) ?? 0
      if (!fits(own, next.bytes, ownerBytes)) {
        at += 1
        continue
      }
      queue.splice(at, 1)
      all += next.bytes
      held.set(next.owner, own + next.bytes)
      next.enter()
    }
  }
  return {
    take: (owner, bytes, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const waiting: Waiting = {
          owner,
          bytes,
          enter() {
            signal.removeEventListener('abort', giveUp)
            let isInside = true
            resolve(() => {
              if (isInside) leave(waiting)
              isInside = false
            })
          },
        }
        const giveUp = () => {
          queue.splice(queue.indexOf(waiting), 1)
          reject(signal.reason)
          admit()
        }
        signal.addEventListener('abort', giveUp, { once: true })
        queue.push(waiting)
        admit()
      }),
  }
}
