import type { Driver, ProcessImage, Sys } from '../abi.ts'
import type { VirtualClock } from '../clock.ts'
import type { HostEvent } from '../host-events.ts'
import type { Kernel } from '../kernel.ts'
import type { ProcessRow } from '../ps.ts'
import { settled, testKernel } from '../test-kernel.ts'
import { behave, DEVICE, PREPAID, TICK, uniqueFraction } from './device.fixture.ts'
import { END_MS, type Seen } from './plain-kernel.fixture.ts'
import {
  body,
  type Call,
  type Outcome,
  type Program,
  ROOT_QUOTAS,
  Spelling,
  type World,
} from './program.fixture.ts'

/** Runs a generated program on the real kernel and returns what there was to see, in the words of the plain model. */

function factLine(fact: HostEvent): string | undefined {
  switch (fact.type) {
    case 'process.spawned':
      return `+ ${fact.pid} below ${fact.parent} ${fact.name} ${fact.priority}`
    case 'process.exited':
      return `- ${fact.pid} ${JSON.stringify(fact.reason)} ${JSON.stringify(fact.usage)}`
    case 'process.suspended':
    case 'process.resumed':
      return `= ${fact.pid} ${fact.type.slice(8)}`
    case 'budget.exceeded':
      return fact.isLate
        ? `! ${fact.pid} late over ${fact.resource}`
        : `! ${fact.pid} over ${fact.resource}: ${fact.used} of ${fact.limit}`
    default:
      return undefined
  }
}

function rowLine(row: ProcessRow): string {
  const numbers = [row.priority, row.mailboxDepth, row.sendersParked, row.residentTokens, row.swapTokens]
  const state = [row.reductions, row.isStopped, row.parent, row.caps]
  return `# ${row.pid} ${[...numbers, ...state].join(' ')} ${JSON.stringify(row.usage)}`
}

const asError = (error: unknown): Outcome => ({
  code: error instanceof Error && 'code' in error ? String(error.code) : `strange ${String(error)}`,
})

/** Makes one call of a body; what has no promise answers at once. */
function make(sys: Sys, call: Call, spawned: ProcessImage): Outcome | Promise<Outcome> {
  const args = [...call.args]
  if (call.name === 'spawn') args[0] = { ...spawned, name: (args[0] as { name: string }).name }
  try {
    // The table of calls is typed call by call; a generated program is not.
    const result: unknown = Reflect.apply(sys[call.name], undefined, args)
    if (!(result instanceof Promise)) return { value: result }
    return result.then((value: unknown) => ({ value }), asError)
  } catch (error) {
    return asError(error)
  }
}

async function follow(sys: Sys, steps: ReturnType<typeof body>, child: ProcessImage): Promise<void> {
  let next = steps.next([])
  while (!next.done) {
    const made = next.value.map((call) => make(sys, call, child))
    const outcomes: Outcome[] = []
    for (const one of made) outcomes.push(one instanceof Promise ? await one : one)
    next = steps.next(outcomes)
  }
}

/** The device of the generated programs as a driver; notes every call of it. */
function deviceDriver(clock: VirtualClock, note: (line: string) => void): Driver {
  let calls = 0
  return {
    name: DEVICE,
    prepaid: PREPAID,
    async open(owner, params) {
      const number = ++calls
      note(`open ${owner} ${number}`)
      await clock.delay((params === 'slow' ? 7 : 1) * TICK + uniqueFraction(number))
      if (params === 'fail') throw new Error('refused')
      const answer = (op: string, request: unknown) => {
        const serial = ++calls
        note(`${op} ${number} ${serial} ${JSON.stringify(request)}`)
        const { delayMs, isThrown, result } = behave(request, serial)
        const give = (): never => {
          if (isThrown) throw result
          return result as never
        }
        return delayMs > 0 ? clock.delay(delayMs).then(give) : give()
      }
      return {
        read: (request) => answer('read', request),
        write: (request) => answer('write', request),
        close: () => note(`close ${number}`),
      }
    },
  }
}

/** Runs a program on the kernel; `watch` is called with every line, in the middle of what it tells of. */
export async function runKernel(
  program: Program,
  watch?: (line: string, kernel: Kernel) => void,
): Promise<Seen> {
  const { quantum, agingRounds } = program
  const { kernel, clock } = testKernel({ quantum, limits: { agingRounds } })
  const lines: string[] = []
  const note = (line: string): void => {
    lines.push(line)
    watch?.(line, kernel)
  }
  kernel.subscribe((fact) => {
    const line = factLine(fact)
    if (line) note(line)
  })
  let grown = 0
  kernel.registerDriver(deviceDriver(clock, note))
  const spell = new Spelling()
  const image: ProcessImage = {
    name: 'root',
    main(sys, args) {
      const pid = sys.self()
      const world: World = {
        pid,
        note,
        read: () => [sys.budget(), sys.now()],
        mayGrow: () => grown++ < 30,
      }
      return follow(sys, body(program, world, spell, args as { script: number; depth: number }), image)
    },
  }
  const quota = ROOT_QUOTAS[program.rootQuota] ?? {}
  void kernel.boot(image, { grant: [DEVICE], quota, args: { script: 0, depth: 0 } })
  await new Promise<void>((resolve) => {
    clock.setTimer(END_MS, () => {
      for (const row of kernel.ps()) note(rowLine(row))
      const count = (name: string) =>
        kernel.metrics().find((one) => one.name === `signalbox_kernel_${name}`)?.value ?? 0
      note(`dispatches ${count('dispatches_total')} messages ${count('messages_total')}`)
      for (const row of kernel.ps()) kernel.signal(row.pid)
      resolve()
    })
  })
  await settled(1)
  if (kernel.ps().length > 0 || kernel.caps().length > 0) note('something is left')
  return { lines, isAmbiguous: false }
}
