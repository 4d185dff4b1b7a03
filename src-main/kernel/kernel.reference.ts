import { assign, createActor, createMachine, sendParent, sendTo, spawnChild, stopChild } from 'xstate'

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

/** Two machines, one the other's child, that send a body back and forth `rounds` times; seconds. */
export function xstateRoundTrips(rounds: number, body: unknown): Promise<number> {
  const echo = createMachine({
    on: { note: { actions: sendParent(({ event }) => ({ ...event, type: 'answer' })) } },
  })
  return new Promise((resolve) => {
    let left = rounds
    const startedMs = nowMs()
    const done = (): void => resolve((nowMs() - startedMs) / 1000)
    const asker = createMachine({
      entry: [spawnChild(echo, { id: 'echo' }), sendTo('echo', { type: 'note', body })],
      on: {
        answer: [
          { guard: () => --left > 0, actions: sendTo('echo', ({ event }) => ({ ...event, type: 'note' })) },
          { actions: done },
        ],
      },
    })
    createActor(asker).start()
  })
}

/** A machine that has one child after the other, each of which notifies it and is stopped; seconds. */
export function xstateSpawns(count: number, body: unknown): Promise<number> {
  const child = createMachine({ entry: sendParent({ type: 'note', body }) })
  return new Promise((resolve) => {
    let left = count
    const startedMs = nowMs()
    const done = (): void => resolve((nowMs() - startedMs) / 1000)
    const maker = createMachine({
      entry: spawnChild(child, { id: 'child' }),
      on: {
        note: [
          { guard: () => --left > 0, actions: [stopChild('child'), spawnChild(child, { id: 'child' })] },
          { actions: [stopChild('child'), done] },
        ],
      },
    })
    createActor(maker).start()
  })
}

/** `senders` machines that together send `count` bodies to one; seconds. */
export function xstateFanIn(senders: number, count: number, body: unknown): Promise<number> {
  return new Promise((resolve) => {
    const each = Math.floor(count / senders)
    const sink = createMachine({
      context: { got: 0 },
      on: {
        note: {
          actions: [
            assign({ got: ({ context }) => context.got + 1 }),
            ({ context }) => {
              if (context.got === each * senders) resolve((nowMs() - startedMs) / 1000)
            },
          ],
        },
      },
    })
    const target = createActor(sink).start()
    const source = createMachine({ on: { go: { actions: sendTo(target, { type: 'note', body }) } } })
    const sources = Array.from({ length: senders }, () => createActor(source).start())
    const startedMs = nowMs()
    for (let i = 0; i < each; i++) for (const one of sources) one.send({ type: 'go' })
  })
}
