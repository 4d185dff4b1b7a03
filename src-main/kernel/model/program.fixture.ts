import fc from 'fast-check'
import type { Quota, Right, SyscallName } from '../abi.ts'
import { TICK } from './device.fixture.ts'

/**
 * A generated program and how it is read: the same body runs as a process of the kernel and as one of the plain model,
 * and notes down everything it gets to see.
 */

/** One instruction; `a`, `b`, `c` choose among what the process holds and among the variants of the call. */
export type Step = readonly [op: number, a: number, b: number, c: number]

export interface Program {
  /** The first is the root's; a spawn picks one by number. */
  readonly scripts: readonly (readonly Step[])[]
  /** What the root spawns before its own script. */
  readonly first: readonly Step[]
  readonly rootQuota: number
  readonly quantum: number
  readonly agingRounds: number
}

export interface Call {
  readonly name: SyscallName
  readonly args: readonly unknown[]
}

export type Outcome = { readonly value: unknown } | { readonly code: string }

/** What a body may use besides its calls: the list of what was seen, and two free readings of its own process. */
export interface World {
  readonly pid: number
  readonly note: (line: string) => void
  readonly read: () => unknown
  /** Asks whether one more process may be made; bounds the whole program. */
  readonly mayGrow: () => boolean
}

/** Names references by first appearance, so that two runs that differ in spelling alone look alike. */
export class Spelling {
  readonly #names = new Map<string, string>()

  say(ref: unknown): string {
    const text = String(ref)
    const name = this.#names.get(text) ?? `r${this.#names.size}`
    this.#names.set(text, name)
    return name
  }
}

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))

export const programs: fc.Arbitrary<Program> = fc.record({
  scripts: fc.array(fc.array(step, { minLength: 1, maxLength: 24, size: 'max' }), {
    minLength: 3,
    maxLength: 6,
    size: 'max',
  }),
  first: fc.array(step, { minLength: 2, maxLength: 6, size: 'max' }),
  rootQuota: fc.nat(3),
  quantum: fc.constantFrom(3, 8, 64),
  agingRounds: fc.constantFrom(0, 0, 3, 256),
})

/** Mostly absent, small when present, so that limits are met. */
export function quotaFor(a: number, b: number): Quota {
  const pick = (bit: number, values: readonly number[]): number | undefined =>
    (a >> bit) & 1 ? values[(b >> bit) % values.length] : undefined
  return {
    tokens: pick(0, [0, 5, 20, 60]),
    toolCalls: pick(1, [0, 1, 4]),
    usd: pick(2, [0, 7e-9, 1e-6]),
    mem: pick(3, [6, 12, 30]),
    children: pick(4, [0, 1, 3]),
    maxMailbox: pick(5, [0, 1, 2]),
    wallMs: (a & 192) === 192 ? (1 + (b % 90)) * TICK : undefined,
  }
}

export const ROOT_QUOTAS: readonly Quota[] = [
  { tokens: 400, toolCalls: 60, mem: 200, children: 12, usd: 1e-5 },
  {},
  { tokens: 90, mem: 60 },
  { tokens: 60, toolCalls: 9, mem: 40, children: 6, usd: 2e-8, maxMailbox: 2 },
]

const BAD_QUOTAS: readonly Quota[] = [
  { tokens: -1 },
  { mem: 1.5 },
  { wallMs: Number.NaN },
  { maxMailbox: -2 },
]

/** What a process holds; received capabilities of unknown kind are just `any`. */
interface Held {
  readonly any: unknown[]
  readonly process: unknown[]
  /** What its own spawns gave: they carry the right to kill. */
  readonly child: unknown[]
  readonly device: unknown[]
  readonly handle: unknown[]
  readonly segment: unknown[]
}

interface Frame {
  readonly held: Held
  readonly world: World
  readonly step: Step
  readonly depth: number
}

function choose(pool: readonly unknown[], any: readonly unknown[], n: number): unknown {
  const from = pool.length > 0 && n % 7 !== 0 ? pool : any
  return n === 255 || from.length === 0 ? 'ff'.repeat(16) : from[n % from.length]
}

const RIGHTS: readonly Right[] = ['send', 'monitor', 'kill', 'open', 'read', 'write', 'spawn']
const rightsFor = (bits: number): Right[] => RIGHTS.filter((_, i) => (bits >> i) & 1)
const call = (name: SyscallName, ...args: unknown[]): Call => ({ name, args })
const at = <T>(list: readonly T[], n: number): T => list[n % list.length] as T

function spawnCall({ held, step: [, a, b, c], depth, world }: Frame): Call {
  const quota = c % 19 === 0 ? at(BAD_QUOTAS, a) : quotaFor(a, b)
  const caps = b % 4 === 0 ? [] : [choose(held.device, held.any, a), choose(held.handle, held.process, b)]
  const isWrong = a === 255
  return call('spawn', isWrong ? { name: '' } : { name: `child${depth}` }, {
    args: { script: c, depth: depth + 1 },
    caps,
    quota: world.mayGrow() ? quota : { children: Number.MAX_SAFE_INTEGER, tokens: -1 },
    link: a % 3 === 0,
    priority: c % 23 === 0 ? 21 : (b % 41) - 20,
    mayRaise: b % 5 === 0,
    ...(c % 6 === 0 ? { deadline: (b % 50) * TICK } : {}),
  })
}

function sendCall({ held, step: [, a, b, c] }: Frame): Call {
  const body = c % 29 === 0 ? () => 0 : { n: a, list: [b, { c }] }
  const target = c % 11 === 0 ? choose(held.handle, held.any, a) : choose(held.process, held.any, a)
  return call('send', target, body, {
    ...(b % 3 === 0 ? { caps: [choose(held.any, held.any, b), choose(held.handle, held.any, c)] } : {}),
    ...(b % 4 === 0 ? { corr: `c${c % 3}` } : {}),
    ...(a % 5 === 0 ? { deadline: c % 17 === 0 ? Number.NaN : (b % 60) * TICK } : {}),
  })
}

/** A batch's first request takes time: when a batch of immediate answers is complete, the reference does not say. */
function requestOf(n: number, m: number): unknown {
  return { cost: n % 14, delay: n % 3 === 0 ? (m % 40) + 1 : 0, how: m % 9 }
}

const target = ({ held, step: [, a] }: Frame): unknown => choose(held.process, held.any, a)
const victim = ({ held, step: [, a] }: Frame): unknown => choose(held.child, held.any, a)
const handle = ({ held, step: [, a] }: Frame): unknown => choose(held.handle, held.any, a)

/** Calls by weight: what is listed twice happens twice as often. */
const OPS: readonly ((frame: Frame) => Call | 'fault')[] = [
  spawnCall,
  spawnCall,
  spawnCall,
  spawnCall,
  sendCall,
  sendCall,
  sendCall,
  sendCall,
  ({ step: [, a, b] }) =>
    call('recv', a % 3 === 0 ? { timeoutMs: (b % 30) * TICK } : a % 5 === 0 ? undefined : { timeoutMs: 0 }),
  ({ step: [, a, b] }) =>
    call('recv', { timeoutMs: (b % 40) * TICK, ...(a % 2 ? { corr: `c${a % 3}` } : {}) }),
  ({ step: [, a] }) => call('recv', { timeoutMs: (a % 50) * TICK }),
  ({ held, step: [, a, b] }) => call('derive', choose(held.any, held.any, a), rightsFor(b)),
  ({ held, step: [, a, b] }) =>
    call('attenuate', choose(held.any, held.any, a), {
      ...(b % 3 === 0 ? { rights: rightsFor(b) } : {}),
      ...(b % 2 === 0 ? { expiresInMs: b % 13 === 0 ? -1 : (b % 40) * TICK } : {}),
    }),
  ({ held, step: [, a] }) => call('revoke', choose(held.any, held.any, a)),
  (frame) => call('monitor', target(frame)),
  (frame) => call('monitor', target(frame)),
  (frame) => call('waitpid', target(frame)),
  (frame) =>
    call('signal', victim(frame), at([undefined, { kind: 'deadline' }, { kind: 'odd' }], frame.step[2])),
  (frame) => call('suspend', victim(frame)),
  (frame) => call('resume', victim(frame)),
  (frame) => call('resume', victim(frame)),
  (frame) => call('term', victim(frame)),
  ({ held, step: [, a, b] }) =>
    call('open', choose(held.device, held.any, a), at([undefined, 'fail', 'slow'], b)),
  ({ held, step: [, a] }) => call('open', choose(held.device, held.any, a)),
  (frame) => call('read', handle(frame), requestOf(frame.step[2], frame.step[3])),
  (frame) => call('read', handle(frame), requestOf(frame.step[3], frame.step[2])),
  (frame) => call('write', handle(frame), requestOf(frame.step[2], frame.step[3])),
  ({ held, step: [, a, b, c] }) =>
    call(
      'readAll',
      choose(held.handle, held.any, a),
      [requestOf(3 * b, c), requestOf(c, b), requestOf(a, b)].slice(0, c % 4),
    ),
  ({ step: [, a] }) => call('sleep', a === 0 ? -1 : (a % 20) * TICK),
  ({ step: [, a] }) => call('sleep', (a % 5) * TICK),
  () => call('yield'),
  () => call('yield'),
  ({ step: [, a] }) => call('register', a === 9 ? 'bad\n' : `name${a % 3}`),
  ({ step: [, a] }) => call('unregister', `name${a % 3}`),
  ({ step: [, a] }) => call('lookup', `name${a % 3}`),
  ({ step: [, a, b] }) =>
    call('remember', `word${a % 4} of ${b}`, { ...(b % 3 ? { tokens: b % 8 } : {}), pin: b % 5 === 0 }),
  ({ step: [, a, b] }) =>
    call('remember', { text: `word${a % 4}` }, b % 2 ? { tokens: (b % 7) + 1 } : undefined),
  ({ step: [, a, b] }) => call('recall', `word${a % 4} again`, b % 4),
  ({ held, step: [, a] }) => call('forget', choose(held.segment, held.any, a)),
  ({ held, step: [, a, b] }) => call('pin', choose(held.segment, held.any, a), b % 2 === 0),
  () => call('workingSet'),
  ({ step: [, a, b] }) =>
    call('sched', {
      priority: a === 7 ? 30 : (a % 41) - 20,
      deadline: at([undefined, null, b * TICK, undefined], b),
    }),
  ({ step: [, a] }) => call('exit', at([undefined, { kind: 'shutdown' }, { kind: 'killed' }], a)),
  () => 'fault',
  ({ world, step: [, a] }) =>
    call('onCleanup', () => {
      world.note(`${world.pid} cleanup ${a}`)
      if (a % 2) throw new Error('hook')
    }),
  () => call('now'),
  () => call('selfCap'),
  ({ step: [, a] }) => call('log', a % 5 ? 'info' : 'loud', 'text'),
]

/** Keeps what a call gave, and says it in a way that is the same in both runs. */
function keep(name: string, outcome: Outcome, held: Held, spell: Spelling): string {
  if ('code' in outcome) return outcome.code
  const { value } = outcome
  if (name === 'spawn') {
    const { pid, cap } = value as { pid: number; cap: unknown }
    held.process.push(cap)
    held.child.push(cap)
    held.any.push(cap)
    return `pid ${pid} ${spell.say(cap)}`
  }
  if (name === 'remember') held.segment.push(value)
  if (name === 'recv') return keepMessage(value, held, spell)
  const list = { open: held.handle, lookup: held.process, selfCap: held.process }[name]
  if (name === 'derive' || name === 'attenuate' || (list && value !== undefined)) {
    list?.push(value)
    held.any.push(value)
    return spell.say(value)
  }
  return JSON.stringify(value) ?? 'nothing'
}

function keepMessage(value: unknown, held: Held, spell: Spelling): string {
  const { id, from, to, body, caps, corr, deadline } = value as Record<string, unknown> & { caps: unknown[] }
  held.any.push(...caps)
  const { devices, $ } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (from === 0 && $ === 'caps') held.device.push(caps[0])
  if (from === 0 && $ === 'boot') held.device.push(...Object.values(devices as object))
  held.handle.push(...caps.slice(1))
  const said = $ === 'boot' ? held.device.map((ref) => spell.say(ref)) : body
  const rest = { corr, deadline, body: said, caps: caps.map((ref) => spell.say(ref)) }
  return `${spell.say(id)} ${from}→${to} ${JSON.stringify(rest)}`
}

const DEPTH = 4
const LAST_MS = 30_000_000

/** The body of every process: its script, a note after each call, and for the root a long sleep at the end. */
export function* body(
  program: Program,
  world: World,
  spell: Spelling,
  args: { script: number; depth: number },
): Generator<readonly Call[], void, readonly Outcome[]> {
  const held: Held = { any: [], process: [], child: [], device: [], handle: [], segment: [] }
  const script = args.depth < DEPTH ? at(program.scripts, args.script) : []
  const perform = function* (
    calls: readonly Call[],
    line: string,
  ): Generator<readonly Call[], void, readonly Outcome[]> {
    const outcomes = yield calls
    const said = outcomes.map((one, i) => keep(calls[i]?.name ?? '', one, held, spell)).join(' & ')
    world.note(
      `${world.pid} ${line} ${calls.map((one) => one.name).join(' & ')}: ${said} ${JSON.stringify(world.read())}`,
    )
  }
  yield* perform([call('selfCap')], 'a')
  yield* perform([call('recv', { timeoutMs: 0 })], 'b')
  // The root brings a few to life before it does as its own script says, which a mishap may cut short.
  for (const [i, step] of (args.depth === 0 ? program.first : []).entries()) {
    const frame = { held, world, step, depth: 0 }
    yield* perform([i === 1 ? call('open', held.device[0]) : spawnCall(frame)], `f${i}`)
  }
  for (const [i, step] of script.entries()) {
    const made = at(OPS, step[0])({ held, world, step, depth: args.depth })
    if (made === 'fault') throw new Error('generated fault')
    // A second call that is under way at the same time.
    const isPair = step[1] % 13 === 5
    yield* perform(isPair ? [made, call('sleep', (step[2] % 9) * TICK)] : [made], String(i))
  }
  if (args.depth === 0) yield* perform([call('sleep', LAST_MS)], 'z')
}
