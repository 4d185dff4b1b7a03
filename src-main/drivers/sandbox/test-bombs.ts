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

/** What engines have crashed on: depth, length and breadth beyond all use. Each ends in an error, in time or out of memory. */
export const giants: readonly Bomb[] = [
  [
    'a chain of proxies',
    'async () => { let p = {}; for (let i = 0; i < 2e5; i++) p = new Proxy(p, {}); p.x; throw p }',
  ],
  [
    'a chain of prototypes',
    'async () => { let p = {}; for (let i = 0; i < 2e5; i++) p = Object.create(p); throw [typeof p.x] }',
  ],
  [
    'a chain of bound functions',
    'async () => { let f = () => 1; for (let i = 0; i < 2e5; i++) f = f.bind(null); throw f() }',
  ],
  [
    'nesting that is flattened',
    'async () => { let a = []; for (let i = 0; i < 2e5; i++) a = [a]; throw a.flat(Infinity) }',
  ],
  [
    'nesting that is printed',
    'async () => { let a = []; for (let i = 0; i < 2e5; i++) a = [a]; throw String(a) }',
  ],
  ['a deep text of JSON', `async () => { throw JSON.parse('['.repeat(2e6)) }`],
  [
    'a regular expression of brackets',
    `async () => { throw new RegExp('('.repeat(1e6) + ')'.repeat(1e6)).test('x') }`,
  ],
  [
    'a regular expression of alternatives',
    `async () => { throw new RegExp('(?:a|b)'.repeat(2e5)).test('x') }`,
  ],
  [
    'a regular expression of looks ahead',
    `async () => { throw new RegExp('(?='.repeat(1e5) + 'x' + ')'.repeat(1e5)) }`,
  ],
  [
    'regular expressions without end',
    `async () => { const a = []; for (let i = 0; ; i++) { const r = new RegExp('x{1,900}'.repeat(500) + i); r.test('x'.repeat(50)); a.push(r) } }`,
  ],
  ['a power beyond all numbers', 'async () => { throw 2n ** (2n ** 30n) }'],
  ['a number that squares itself', 'async () => { let x = 3n; for (;;) x = x * x }'],
  ['a text that doubles', `async () => { let s = 'x'; for (let i = 0; i < 40; i++) s = s + s }`],
  ['an array of all lengths', 'async () => { const a = []; a.length = 2 ** 32 - 1; a.fill(0) }'],
  ['an array that joins itself', 'async () => { let a = [1]; for (;;) a = a.concat(a) }'],
  [
    'generators in generators',
    'async () => { const g = function* (n) { if (n) yield* g(n - 1); yield 1 }; throw [...g(1e5)] }',
  ],
  [
    'promises that wait for each other',
    'async () => { let p = Promise.resolve(); for (let i = 0; i < 1e6; i++) p = p.then(() => p); await p }',
  ],
  [
    'a text that grows when it is normalised',
    `async () => { throw ('\\ufdfa'.repeat(2 ** 24)).normalize('NFKC').length }`,
  ],
  [
    'a text that grows in upper case',
    `async () => { throw ('\\u0390'.repeat(2 ** 27)).toUpperCase().length }`,
  ],
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
