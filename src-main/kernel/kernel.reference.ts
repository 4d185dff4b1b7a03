import { createActor, fromCallback, fromTransition } from 'xstate'

/** What the kernel's benches compare with: the published figures of its compatibility target, and xstate actors. */

/** Per second, on one core of an M-series machine; from the reference of the kernel, section 17. */
export const PUBLISHED = {
  ipc: 530_000,
  spawn: 135_000,
  yield: 2_100_000,
  fanin: 1_200_000,
  read: 840_000,
  remember: 2_200_000,
  recall: 1_600_000,
  paging: 900_000,
} as const

const nowMs = (): number => globalThis.performance.now()

interface Note {
  readonly type: 'note'
  readonly body: unknown
}

/** Two actors that send a body to each other and back `rounds` times; seconds. */
export function xstateRoundTrips(rounds: number, body: unknown): Promise<number> {
  return new Promise((resolve) => {
    const echo = createActor(
      fromTransition((state: number, event: Note) => {
        queueMicrotask(() => asker.send({ type: 'note', body: event.body }))
        return state + 1
      }, 0),
    )
    let left = rounds
    const startedMs = nowMs()
    const asker = createActor(
      fromTransition((state: number, event: Note) => {
        if (--left > 0) queueMicrotask(() => echo.send({ type: 'note', body: event.body }))
        else resolve((nowMs() - startedMs) / 1000)
        return state + 1
      }, 0),
    )
    echo.start()
    asker.start()
    echo.send({ type: 'note', body })
  })
}

/** Starts an actor that notifies its maker and stops, `count` times, one after the other; seconds. */
export function xstateSpawns(count: number, body: unknown): Promise<number> {
  return new Promise((resolve) => {
    let left = count
    const startedMs = nowMs()
    const next = (): void => {
      const child = createActor(
        fromCallback(({ sendBack: _sendBack }) => {
          queueMicrotask(() => maker.send({ type: 'note', body }))
        }),
      )
      child.start()
      queueMicrotask(() => child.stop())
    }
    const maker = createActor(
      fromTransition((state: number, _event: Note) => {
        if (--left > 0) queueMicrotask(next)
        else resolve((nowMs() - startedMs) / 1000)
        return state + 1
      }, 0),
    )
    maker.start()
    next()
  })
}

/** `senders` actors that together send `count` bodies to one; seconds. */
export function xstateFanIn(senders: number, count: number, body: unknown): Promise<number> {
  return new Promise((resolve) => {
    let left = count
    const sink = createActor(
      fromTransition((state: number, _event: Note) => {
        if (--left === 0) resolve((nowMs() - startedMs) / 1000)
        return state + 1
      }, 0),
    )
    sink.start()
    const each = count / senders
    const sources = Array.from({ length: senders }, () =>
      createActor(
        fromTransition((state: number, _event: Note) => {
          for (let i = 0; i < each; i++) sink.send({ type: 'note', body })
          return state + 1
        }, 0),
      ),
    )
    for (const source of sources) source.start()
    const startedMs = nowMs()
    for (const source of sources) source.send({ type: 'note', body })
  })
}
