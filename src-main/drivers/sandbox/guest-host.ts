import vm from 'node:vm'
import { refuseImports } from './guest-code.ts'
import { guestSource } from './guest-source.ts'

/** The three functions of the context, which take and give strings. */
interface Bridge {
  start(body: unknown, startText: string): void
  deliver(replies: string): void
  drain(): unknown
}

/** What the host does when a guest speaks: `post` sends one message to the kernel's side. */
export interface GuestPort {
  post(text: string): void
  /** Runs `then` after all microtasks of the guest. */
  afterMicrotasks(then: () => void): void
}

/** What the kernel's side sends first. */
interface GuestStart {
  readonly code: string
  readonly calls: readonly string[]
  readonly args: unknown
}

/** Longest text that one call of a guest may be; the kernel's side holds the same bound. */
export const MAX_MESSAGE_CHARS = 1 << 20

/**
 * Runs one guest, step by step: each text from the kernel's side is answered by the guest's calls and then by `i`, once
 * the guest has nothing left to run. Between steps a guest can't run at all, for nothing in its context wakes it.
 */
export function createGuest(port: GuestPort): { take(text: string): void } {
  let bridge: Bridge | undefined
  const finishStep = (): void => {
    port.afterMicrotasks(() => {
      if (bridge && !drainAll(bridge, port)) return
      port.post('i')
    })
  }
  return {
    take(text) {
      const fault = text.startsWith('b') ? begin(text.slice(1)) : deliver(text.slice(1))
      if (fault === undefined) finishStep()
      else postFault(port, fault)
    },
  }

  /** Says why the guest can't start, or nothing. */
  function begin(text: string): string | undefined {
    const { code, calls, args } = JSON.parse(text) as GuestStart
    const script = compile(code)
    if (typeof script === 'string') return script
    const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      name: 'sandbox',
      codeGeneration: { strings: false, wasm: false },
    })
    const made = new vm.Script(guestSource, { filename: 'bridge.js' }).runInContext(context) as Bridge
    // From here on the context runs code that is not ours. What it returns or throws goes back into it, or nowhere.
    try {
      made.start(script.runInContext(context, { displayErrors: false }), JSON.stringify({ calls, args }))
    } catch {
      return 'the code of a sandbox failed before it was a function'
    }
    bridge = made
    return undefined
  }

  function deliver(replies: string): string | undefined {
    try {
      bridge?.deliver(replies)
      return undefined
    } catch {
      return BROKEN
    }
  }
}

const BROKEN = 'the guest broke its own calls'

function drainAll(bridge: Bridge, port: GuestPort): boolean {
  for (;;) {
    const text = drainOne(bridge)
    if (text === '') return true
    if (typeof text !== 'string' || text.length > MAX_MESSAGE_CHARS) {
      postFault(port, typeof text === 'string' ? 'a call is too large' : BROKEN)
      return false
    }
    port.post(text)
  }
}

function drainOne(bridge: Bridge): unknown {
  try {
    return bridge.drain()
  } catch {
    return undefined
  }
}

function postFault(port: GuestPort, fault: string): void {
  port.post(`e${JSON.stringify({ fault })}`)
  port.post('i')
}

/** The compiled code, or what is wrong with it. Compiling runs nothing, so an error here is one of our own realm. */
function compile(code: string): vm.Script | string {
  try {
    refuseImports(code)
    return new vm.Script(`(${code}\n)`, { filename: 'sandbox.js' })
  } catch (error) {
    return `the code of a sandbox does not compile: ${error instanceof Error ? error.message : 'unknown reason'}`
  }
}
