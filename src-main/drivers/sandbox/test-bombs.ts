import { type GuestRunOptions, runGuest } from './test-guest.ts'

/** Source that takes time or memory without end, by name. */
type Bomb = readonly [name: string, code: string]

export const spins: readonly Bomb[] = [
  ['a loop', 'async () => { for (;;); }'],
  ['a loop before the function', '(() => { for (;;); })()'],
  ['regular expression backtracking', `async () => /^(a|a|aa)+$/.test('a'.repeat(60) + 'b')`],
  ['an endless chain of microtasks', 'async () => { const f = () => { Promise.resolve().then(f) }; f() }'],
  [
    'an endless getter while its arguments are read',
    `async (sys) => { const o = { get x() { for (;;); } }; sys.log('info', o) }`,
  ],
  [
    'an endless list of keys',
    `async (sys) => sys.log('info', 'x', new Proxy({}, { ownKeys() { for (;;); } }))`,
  ],
  ['a loop after an answer', 'async (sys) => { await sys.self(); for (;;); }'],
  ['a thenable that never lets go', 'async () => ({ then(ok) { for (;;); } })'],
  [
    'a huge sort',
    'async () => { const a = Array.from({ length: 1e5 }, (_, i) => i); for (;;) a.sort(() => 0) }',
  ],
]

/** Bombs that V8 answers by ending the thread they are in. */
export const bombs: readonly Bomb[] = [
  ['objects', 'async () => { const a = []; for (;;) a.push({}) }'],
  ['arrays', 'async () => { const a = []; for (;;) a.push(new Array(1e6).fill(1.5)) }'],
  ['strings', `async () => { let s = 'x'; for (;;) { s += s; s.charCodeAt(0) } }`],
  ['bigints', 'async () => { const a = []; for (;;) a.push(1n << (1n << 26n)) }'],
  ['registered symbols', `async () => { for (let i = 0; ; i++) Symbol.for('k' + i) }`],
  [
    'microtasks',
    'async () => { const f = () => { Promise.resolve().then(f); Promise.resolve().then(f) }; f() }',
  ],
  ['calls that are never sent', 'async (sys) => { for (;;) sys.self() }'],
]

/** Bombs for which V8 ends the whole process: one allocation that fits in no heap. This is why a process is the default. */
export const fatalBombs: readonly Bomb[] = [
  ['one huge array', 'async () => { new Array(2e8).fill(1.5) }'],
  ['a list beyond any table', `async () => { 'x'.repeat(5e8).split('') }`],
  [
    'huge strings',
    `async () => { const a = []; for (;;) { const s = 'xy'.repeat(2 ** 28 - 20); a.push(s); s.indexOf('z') } }`,
  ],
  ['a growing map', 'async () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, i) }'],
  ['a huge replacement', `async () => { 'x'.repeat(1e8).replace(/x/g, 'yyyyyyyyyyyyyyy') }`],
]

/** How long the main thread was held at most while something ran. */
export async function longestHoldMs(run: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  await run()
  clearInterval(timer)
  return longest
}

/** The words of the fault a guest ended with, else the kind of its end. */
export async function faultOf(code: string, options: GuestRunOptions): Promise<string> {
  const { reason } = await runGuest(code, options)
  return reason.kind === 'fault' ? reason.error : reason.kind
}
