import type { SignalboxContract } from '../contract/index.ts'
import type { ClientOf } from '../contract/procedure.ts'

export interface AttachmentParts {
  readonly client: Pick<ClientOf<SignalboxContract>, 'fleet'>
  /** The daemon answers (again). */
  readonly onThere: () => void
  /** It does not any more: whoever looks at it has to be told. */
  readonly onGone: () => void
  readonly pause: (ms: number) => Promise<void>
}

/** Watches the daemon that a window is attached to. */
export interface Attachment {
  /** Resolves as soon as the daemon answers. */
  ready(): Promise<void>
  close(): void
}

const retryMs = 250

/** Watches until `close`: the stream of facts ends with the daemon, and from then on it is asked four times a second. */
export function watchDaemon(parts: AttachmentParts): Attachment {
  const controller = new AbortController()
  const { signal } = controller
  let isThere = false
  const waiting = new Set<() => void>()
  const arrive = () => {
    isThere = true
    for (const done of waiting) done()
    waiting.clear()
    parts.onThere()
  }
  const watch = async () => {
    while (!signal.aborted) {
      await follow(parts, signal, arrive)
      if (isThere && !signal.aborted) parts.onGone()
      isThere = false
      await parts.pause(retryMs)
    }
  }
  void watch()
  return {
    ready: () => (isThere ? Promise.resolve() : new Promise((done) => void waiting.add(done))),
    close: () => controller.abort(),
  }
}

/** Resolves when the daemon could not be reached, or not any more. */
async function follow({ client }: AttachmentParts, signal: AbortSignal, arrive: () => void): Promise<void> {
  try {
    const { atSeq } = await client.fleet.overview({}, { signal })
    arrive()
    for await (const _ of client.fleet.facts({ after: atSeq }, { signal })) if (signal.aborted) return
  } catch {
    // That it is gone is what we want to know; why is told to whoever calls it.
  }
}
