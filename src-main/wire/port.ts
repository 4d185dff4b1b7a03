/**
 * What a message channel must offer, in one shape for DOM ports, Electron's main-side ports, Node worker ports and memory.
 * `post` takes structured-cloneable data; `onClose` fires once, whichever side closed.
 */
export interface Port {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  onClose(listener: () => void): void
  close(): void
}

/** Two connected ports in memory; messages are cloned and arrive in a later microtask, as over a real channel. */
export function memoryPorts(): readonly [Port, Port] {
  const sides = [newSide(), newSide()] as const
  const port = (mine: Side, other: Side): Port => ({
    post(message) {
      const copy: unknown = structuredClone(message)
      queueMicrotask(() => {
        if (mine.isOpen && other.isOpen) for (const listener of other.listeners) listener(copy)
      })
    },
    onMessage: (listener) => void mine.listeners.push(listener),
    onClose: (listener) => void mine.closers.push(listener),
    close() {
      for (const side of [mine, other]) {
        if (!side.isOpen) continue
        side.isOpen = false
        queueMicrotask(() => {
          for (const closer of side.closers) closer()
        })
      }
    },
  })
  return [port(sides[0], sides[1]), port(sides[1], sides[0])]
}

interface Side {
  isOpen: boolean
  readonly listeners: ((message: unknown) => void)[]
  readonly closers: (() => void)[]
}
const newSide = (): Side => ({ isOpen: true, listeners: [], closers: [] })
