import { type Core, never } from './core.ts'
import { Later } from './later.ts'
import type { Memory } from './memory.ts'
import type { Park, Process } from './process.ts'

/** Paging of one process that waits for somebody outside, and the calls behind it, in their order. */

type Step<T> = () => T | Later<T>

/** Runs a step now, or after the paging that is under way; parks the caller only when something is asynchronous. */
export function whenFree<T>(core: Core, process: Process, memory: Memory, step: Step<T>): Promise<T> {
  const { queue } = memory
  if (queue) {
    const park = core.dispatcher.park(process, 'page')
    queue.push(() => carryOut(core, park, step))
    return park.promise as Promise<T>
  }
  const first = step()
  if (!(first instanceof Later))
    return process.isDead ? never<T>() : (core.dispatcher.answer(process, first) as Promise<T>)
  const park = core.dispatcher.park(process, 'page')
  memory.queue = [() => finish(core, park, first)]
  core.dispatcher.inFlight++
  drain(core, memory, memory.queue, 0)
  return park.promise as Promise<T>
}

/** Goes from step to step for as long as none has to wait; a loop, since thousands may stand in line. */
function drain(
  core: Core,
  memory: Memory,
  queue: readonly (() => Later<void> | undefined)[],
  from: number,
): void {
  for (let at = from; at < queue.length; at++) {
    const waiting = queue[at]?.()
    if (!waiting) continue
    const goOn = (): void => drain(core, memory, queue, at + 1)
    waiting.whenDone(goOn, goOn)
    return
  }
  memory.queue = undefined
  core.dispatcher.inFlight--
  core.dispatcher.wake()
}

function carryOut<T>(core: Core, park: Park, step: Step<T>): Later<void> | undefined {
  if (park.process.isDead) return undefined
  try {
    const result = step()
    if (result instanceof Later) return finish(core, park, result)
    core.dispatcher.complete(park, result)
  } catch (error) {
    core.dispatcher.fail(park, error)
  }
  return undefined
}

/** Hands the outcome over when it is there; what is returned is done after that. */
function finish<T>(core: Core, park: Park, result: Later<T>): Later<void> {
  const over = new Later<void>()
  result.whenDone(
    (value) => {
      core.dispatcher.complete(park, value)
      over.settle()
    },
    (error) => {
      core.dispatcher.fail(park, error)
      over.settle()
    },
  )
  return over
}
