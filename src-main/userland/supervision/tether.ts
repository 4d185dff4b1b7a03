import type { Message, ProcessImage, RecvOptions, SpawnOptions, Sys } from '../../kernel/abi.ts'
import type { CapRef, Pid } from '../../kernel/ids.ts'

/** A started child: its pid, and what its starter may do with it (send, monitor, kill). */
export interface Child {
  readonly pid: Pid
  readonly cap: CapRef
}

/** Starts children that end with their starter. */
export interface Tether {
  /** As the `spawn` call, with its costs and errors. The child's body sees no difference. */
  spawn(image: ProcessImage, options?: SpawnOptions): Promise<Child>
  /** Takes back what the children hold of the starter. Call it when they have ended. */
  close(): void
}

/**
 * The kernel lets children of a dead process live on as orphans. A tethered child waits for its starter's end beside
 * its body, and follows it with `shutdown`, however the starter ended: even a killed one leaves no hook or message
 * time to do it itself. A suspended child follows when it is resumed. The leash is a monitor-only capability, which the
 * body never sees.
 */
export function createTether(sys: Sys): Tether {
  const self = sys.selfCap()
  const leash = sys.derive(self, ['monitor'])
  return {
    spawn: (image, options = {}) =>
      sys.spawn(tethered(image), { ...options, caps: [...(options.caps ?? []), leash] }),
    close: () => sys.revoke(self),
  }
}

function tethered(image: ProcessImage): ProcessImage {
  return {
    name: image.name,
    async main(sys, args) {
      // Put there by the kernel before anyone could know this pid.
      const first = await sys.recv()
      const leash = first.caps.at(-1)
      if (leash) void follow(sys, leash)
      const given = first.caps.slice(0, -1)
      await image.main(given.length === 0 ? sys : withFirst(sys, { ...first, caps: given }), args)
    },
  }
}

/** Waits beside the body, without taking a message. A leash that is already dead means the same as a dead starter. */
async function follow(sys: Sys, leash: CapRef): Promise<void> {
  await sys.waitpid(leash).catch(() => undefined)
  await sys.exit({ kind: 'shutdown' })
}

/** The same system calls, with a message that was taken off put back in front. */
function withFirst(sys: Sys, first: Message): Sys {
  let held: Message | undefined = first
  const recv = <T>(options?: RecvOptions): Promise<Message<T>> => {
    if (!held || options?.corr !== undefined) return sys.recv<T>(options)
    const message = held as Message<T>
    held = undefined
    return Promise.resolve(message)
  }
  return Object.freeze(Object.assign(Object.create(null) as object, sys, { recv }))
}
