import { describe, expect, test } from 'vitest'
import { refuseImports } from './guest-code.ts'
import { processGuests } from './process-guest.ts'
import { runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

/**
 * Code that tries to get out of its context. `realm` follows prototypes to their root: an object of ours would end at
 * another Object.prototype than the guest's, and be a way out.
 */
const prelude = `
  const found = new Set()
  const { apply } = Reflect
  const add = Set.prototype.add
  const { getPrototypeOf, hasOwn } = Object
  const note = (x) => { apply(add, found, [realm(x)]); return x }
  const realm = (x) => {
    if (x === null || (typeof x !== 'object' && typeof x !== 'function')) return typeof x
    let root = x
    for (let next = x; next !== null; next = getPrototypeOf(next)) root = next
    return root === Object.prototype || (root === x && !hasOwn(x, 'hasOwnProperty')) ? 'own' : 'LEAK'
  }
  const caught = (f) => { try { return note(f()) } catch (e) { return note(e) } }
  const later = async (p) => { try { return note(await p) } catch (e) { return note(e) } }
  const shell = (make) => { try { return typeof make('return process')().pid } catch (e) { note(e); return 'no code: ' + e.name } }`

function attack(body: string): string {
  return `async (sys, args) => {
    const first = await sys.recv()
    ${prelude}
    const answer = await (async () => { ${body} })()
    await sys.send(first.caps[0], { answer, found: [...found].sort() })
  }`
}

const constructors: readonly (readonly [string, string, unknown])[] = [
  ['constructor escape by Function', 'return shell(Function)', 'no code: EvalError'],
  ['constructor escape by an arrow', 'return shell((() => {}).constructor)', 'no code: EvalError'],
  [
    'constructor escape by an async function',
    'return shell((async () => {}).constructor)',
    'no code: EvalError',
  ],
  [
    'constructor escape by generator prototypes',
    'return [function* () {}, async function* () {}].map((g) => shell(Object.getPrototypeOf(g).constructor)).join()',
    'no code: EvalError,no code: EvalError',
  ],
  [
    'constructor escape by the system calls',
    'return [sys.self, sys.recv(), first, first.caps, args].map((x) => shell((note(x).constructor ?? {}).constructor)).join()',
    Array(5).fill('no code: EvalError').join(),
  ],
  [
    'constructor escape by the global object',
    'return [shell(globalThis.constructor.constructor), shell(this.constructor.constructor), realm(globalThis)].join()',
    'no code: EvalError,no code: EvalError,own',
  ],
  [
    'indirect eval and timers',
    'return [typeof eval, typeof setTimeout, typeof queueMicrotask].join()',
    'undefined,undefined,undefined',
  ],
]

const errors: readonly (readonly [string, string, unknown])[] = [
  [
    'error objects of calls, parsers and null',
    `for (const p of [sys.send(0), sys.send('x'), sys.derive({}, 5), sys.sleep('x'), sys.read(1)]) await later(p)
     caught(() => JSON.parse('{')); caught(() => null.x); caught(() => undefined()); caught(() => 'x'.repeat(-1))
     caught(() => new Date()); caught(() => Math.random()); caught(() => decodeURIComponent('%'))
     caught(() => structuredClone({})); await later(Promise.any([Promise.reject(1)])); return 0`,
    0,
  ],
  [
    'a stack trace of an error whose name is a symbol',
    `const e = new Error('x'); e.name = Symbol('n'); caught(() => e.stack)
     const f = new TypeError(); Object.defineProperty(f, 'message', { value: Symbol() }); caught(() => f.stack)
     const g = { name: Symbol() }; Error.captureStackTrace(g); caught(() => g.stack); return typeof e.stack`,
    'undefined',
  ],
  [
    'prepareStackTrace with its call sites',
    `const set = caught(() => { Error.prepareStackTrace = (e, sites) => { sites.forEach((s) => { note(s); note(s.getThis()); note(s.getFunction()) }); return sites } })
     caught(() => { Error.stackTraceLimit = 100 })
     caught(() => Object.defineProperty(Error, 'stackTraceLimit', { value: 50 }))
     class Mine extends Error { static prepareStackTrace(e, sites) { return note(sites) } }
     Mine.stackTraceLimit = 50
     try { null.x } catch (e) { note(e.stack) }
     note(new Mine().stack); const o = {}; Error.captureStackTrace(o); note(o.stack); return 0`,
    0,
  ],
  [
    'stack overflow at every depth of a call',
    `let deepest = 0
     const dig = (n) => { deepest = n; try { dig(n + 1) } catch (e) { note(e) } try { sys.self().catch(note) } catch (e) { note(e) } }
     const only = () => { try { only() } catch (e) { note(e); throw e } }
     caught(only); caught(() => { const f = () => JSON.stringify({ toJSON: f }); f() })
     caught(() => { const f = () => new Error('x', { get cause() { return f() } }); return f() })
     caught(() => { let n = 0; const f = () => { n++; try { f() } finally { if (n < 200) sys.now().catch(() => {}) } }; f() })
     return deepest`,
    0,
  ],
  [
    'the caller of a guest function',
    `const f = function () { return [f.caller, f.arguments] }
     const g = function g() { return g.caller }
     caught(f); caught(g); caught(() => Object.getOwnPropertyDescriptor(Function.prototype, 'caller').get.call(f))
     return [].concat(f()).map((x) => realm(x)).includes('LEAK')`,
    false,
  ],
]

const hooks: readonly (readonly [string, string, unknown])[] = [
  [
    'an inspection hook on an unhandled rejection',
    `const hook = (...all) => { all.forEach(note); all.forEach((x) => note(x && x.constructor)); return 'x' }
     const bait = new Error('bait')
     for (const name of ['nodejs.util.inspect.custom', 'nodejs.rejection', 'nodejs.util.promisify.custom'])
       Object.defineProperty(bait, Symbol.for(name), { get() { note(this); return hook } })
     for (const key of ['stack', 'message', 'name', 'code', 'domain', 'toString'])
       Object.defineProperty(bait, key, { get() { note(this); return hook } })
     Promise.reject(bait); Promise.reject(new Proxy(bait, { get(t, k, r) { note(r); return Reflect.get(t, k) } }))
     await sys.sleep(1); await sys.sleep(1); return 0`,
    0,
  ],
  [
    'then, species and thenables under the bridge',
    `const real = Promise.prototype.then
     Promise.prototype.then = function (...all) { note(this); all.forEach(note); return real.apply(this, all) }
     class Odd extends Promise { static get [Symbol.species]() { return function (run) { run(note, note); return {} } } }
     Object.defineProperty(Promise, Symbol.species, { value: Odd })
     const p = sys.self(); note(p); await p; await { then(ok, no) { note(ok); note(no); ok(1) } }
     await later(sys.send(first.caps[0], { then(ok) { note(ok) } })); return 0`,
    0,
  ],
  [
    'Proxy traps and getters on everything that crosses',
    `const spy = new Proxy({}, Object.fromEntries(Reflect.ownKeys(Reflect).filter((k) => typeof k === 'string')
       .map((k) => [k, (...all) => { all.forEach(note); return Reflect[k](...all) }])))
     await later(sys.send(first.caps[0], spy)); await later(sys.send(spy, 1)); await later(sys.remember(1, spy))
     await later(sys.log('info', spy, spy)); await later(sys.recall(spy, spy))
     await later(sys.send(first.caps[0], { get x() { note(this); return 1 }, toJSON() { note(this); return 'json' } })); return 0`,
    0,
  ],
  [
    'overridden builtins that the bridge might call',
    `const wrap = (o, k) => { const f = o[k]; o[k] = function (...all) { note(this); for (let i = 0; i < all.length; i++) note(all[i]); return apply(f, this, all) } }
     for (const [o, ks] of [[Function.prototype, ['call', 'apply', 'bind']], [Array.prototype, ['push', 'shift', 'map', 'join', 'forEach', 'slice']],
       [JSON, ['parse', 'stringify']], [Object, ['defineProperty', 'keys', 'create', 'freeze']], [Map.prototype, ['get', 'set', 'delete', 'forEach']]])
       for (const k of ks) wrap(o, k)
     for (const k of ['code', 'calls', 'args', 'v', '$t', '0', 'resolve', 'kind'])
       Object.defineProperty(Object.prototype, k, { set(x) { note(this); note(x) }, get() { note(this) }, configurable: true })
     Object.defineProperty(Array.prototype, '0', { set(x) { note(this); note(x) }, configurable: true })
     const answer = await sys.self(); await later(sys.send(first.caps[0], [{ a: [1] }])); return typeof answer`,
    'number',
  ],
]

const crawl: readonly (readonly [string, string, unknown])[] = [
  [
    'a crawl over everything that can be reached',
    `const seeds = [globalThis, sys, first, args, sys.recv(), new Error('x'), (() => { try { null.x } catch (e) { return e } })(),
       await sys.send(0).catch((e) => e), (function () { return arguments })(), async function* () {}, async () => {}, function* () {}, (function* () {})(),
       (async function* () {})(), (async function* () {})().next(), [][Symbol.iterator](), new Map().entries(), new Set().values(), 'x'[Symbol.iterator](),
       'x'.matchAll(/x/g), /x/d.exec('x'), ((t) => t)\`a\`, new Proxy({}, {}), Promise.withResolvers(), Symbol.prototype, Object(1n), Object('x'),
       class { static #p = 1; static q() {} }, new (class extends Array {})(), Iterator.from([1]).map((x) => x)]
     const seen = new Set()
     const queue = seeds
     while (queue.length > 0) {
       const x = queue.pop()
       if (x === null || (typeof x !== 'object' && typeof x !== 'function') || seen.has(x)) continue
       seen.add(x); note(x)
       queue.push(Object.getPrototypeOf(x))
       for (const key of Reflect.ownKeys(x)) {
         if (x === found || x === seen) continue
         const d = Reflect.getOwnPropertyDescriptor(x, key)
         if (d) queue.push(d.value, d.get, d.set)
         if (d && d.get) { try { queue.push(x[key]) } catch (e) { queue.push(e) } }
       }
     }
     return seen.size > 500`,
    true,
  ],
]

const powers: readonly (readonly [string, string, unknown])[] = [
  [
    'native modules by require, process, binding or dlopen',
    `const names = ['process', 'require', 'module', 'exports', '__dirname', 'global', 'Buffer', 'fetch', 'navigator', 'crypto',
       'performance', 'structuredClone', 'setImmediate', 'MessageChannel', 'Worker', 'importScripts', 'Deno', 'electron', 'XMLHttpRequest', 'WebSocket']
     return names.filter((n) => typeof globalThis[n] !== 'undefined').join()`,
    '',
  ],
  [
    'shared memory, atomics, WebAssembly, typed arrays and weak references',
    `const names = ['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'ArrayBuffer', 'Uint8Array', 'DataView', 'BigInt64Array', 'Float16Array',
       'FinalizationRegistry', 'WeakRef', 'Intl', 'Temporal', 'console']
     return names.filter((n) => typeof globalThis[n] !== 'undefined').join()`,
    '',
  ],
  [
    'a clock or chance of its own',
    `return [() => Date.now(), () => new Date(), () => Date(), () => Math.random(), () => new (new Date(0).constructor)(),
       () => Reflect.construct(Date, []), () => Date.prototype.constructor.now()].map((f) => { try { return typeof f() } catch (e) { return e.name } }).join()`,
    Array(7).fill('TypeError').join(),
  ],
  [
    'a global that nobody has looked at yet',
    'return Object.getOwnPropertyNames(globalThis).sort().join(" ")',
    [
      'AggregateError Array AsyncDisposableStack BigInt Boolean Date DisposableStack Error EvalError Function Infinity',
      'Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String',
      'SuppressedError Symbol SyntaxError TypeError URIError WeakMap WeakSet decodeURI decodeURIComponent encodeURI',
      'encodeURIComponent globalThis isFinite isNaN parseFloat parseInt undefined',
    ].join(' '),
  ],
]

const bridges: readonly (readonly [string, string, unknown])[] = [
  [
    'the caller of a getter, an iterator and a hook that the bridge runs',
    `const look = function look() { note(look.caller); try { note(arguments.callee.caller) } catch (e) { note(e) } try { note(look.arguments) } catch (e) { note(e) } return 1 }
     const body = Object.defineProperty({}, 'x', { get: look, enumerable: true })
     await later(sys.send(first.caps[0], body)); await later(sys.send(first.caps[0], { toString: 1, list: [body] }))
     for (const proto of [Array.prototype, Map.prototype, Set.prototype]) {
       const real = proto[Symbol.iterator]
       Object.defineProperty(proto, Symbol.iterator, { value: function () { look(); note(this); return apply(real, this, arguments) }, configurable: true })
     }
     await later(sys.workingSet()); await later(sys.readAll(1, [new Map([[1, 2]])]))
     return typeof (await sys.now())`,
    'number',
  ],
  [
    'a Proxy under the global object and under its prototypes',
    `const spy = (target) => new Proxy(target, Object.fromEntries(['get', 'set', 'has', 'getOwnPropertyDescriptor', 'defineProperty', 'deleteProperty', 'ownKeys']
       .map((k) => [k, (...all) => { all.forEach(note); return Reflect[k](...all) }])))
     caught(() => Object.setPrototypeOf(globalThis, spy({})))
     caught(() => Object.setPrototypeOf(Error.prototype, spy({}))); caught(() => Object.setPrototypeOf(Promise.prototype, spy({})))
     caught(() => Object.setPrototypeOf(Array.prototype, spy({}))); caught(() => Object.setPrototypeOf(Function.prototype, spy({})))
     caught(() => nothing); await later(sys.send(0)); await later(sys.recall({})); const p = sys.self(); note(p)
     Promise.reject(new Error('unseen')); await sys.sleep(1); return typeof (await p)`,
    'number',
  ],
  [
    'an asynchronous generator’s constructor, iterator and result',
    `const g = (async function* () { yield 1; yield sys.self() })()
     for (const x of [g, g.next(), g.return(1), g[Symbol.asyncIterator](), g.constructor, g.constructor.constructor, Object.getPrototypeOf(g)]) note(x)
     const [a] = [await later(g.next())]; note(a); note(await later(Array.fromAsync(g)))
     caught(() => Promise.try(() => { throw new Error('x') })); note(Promise.withResolvers())
     return shell(g.constructor.constructor)`,
    'no code: EvalError',
  ],
  [
    'disposal, suppressed errors and causes',
    `const o = { [Symbol.dispose]() { throw new Error('in disposal') }, [Symbol.asyncDispose]() { throw new Error('later') } }
     caught(() => { using a = o; throw new Error('first') })
     await later((async () => { await using a = o; throw new Error('first', { cause: sys }) })())
     const stack = new DisposableStack(); note(stack); stack.defer(() => { throw note(new Error('x')) }); caught(() => stack.dispose()); return 0`,
    0,
  ],
]

/** Source that plays with where it is put: between brackets, in a script of its own. */
const sources: readonly (readonly [string, string, unknown])[] = [
  [
    'that closes our bracket',
    `async () => {}), (globalThis.early = typeof process + typeof require, async (sys) => {
     const { caps: [up] } = await sys.recv(); await sys.send(up, early) }`,
    'undefinedundefined',
  ],
  [
    'with a source map and a name',
    `async (sys) => { const { caps: [up] } = await sys.recv(); await sys.send(up, String(new Error('x').stack)) }
     //# sourceURL=node:fs
     //# ${'source'}MappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi9ldGMvcGFzc3dkIl0sIm1hcHBpbmdzIjoiQUFBQSJ9`,
    'undefined',
  ],
  [
    'in sloppy mode with its own this',
    `async function (sys) { const { caps: [up] } = await sys.recv(); await sys.send(up, typeof this + (this === globalThis)) }`,
    'objecttrue',
  ],
]

const all = [...crawl, ...constructors, ...errors, ...hooks, ...bridges, ...powers]

// The context is the same in both; a process starts more slowly.
describe.each([
  ['thread', threadGuests, all],
  ['process', processGuests(), all.filter((_, i) => i % 5 === 0)],
] as const)('in a %s', (_, launch, some) => {
  test.each(some)('%s', async (name, body, answer) => {
    const { reason, said } = await runGuest(attack(body), { launch, args: { a: [1] } })
    expect(reason, name).toEqual({ kind: 'normal' })
    const report = said.at(-1) as { answer: unknown; found: string[] }
    expect(report.found).not.toContain('LEAK')
    expect(report.answer).toEqual(name.startsWith('stack overflow') ? expect.any(Number) : answer)
  })
})

test.each(sources)('source %s', async (_, code, answer) => {
  const { reason, said } = await runGuest(code)
  expect([reason, said]).toEqual([{ kind: 'normal' }, [answer]])
})

test.each([
  ['a hashbang', '#!/bin/sh\nasync () => {}'],
  ['a bracket too many', 'async () => {})'],
  ['an export', 'export default async () => {}'],
  ['an await at the top', 'await 1'],
  ['a with statement in strict code', `'use strict'; with (this) {}`],
  ['an unknown regular expression', 'async () => /(/'],
])('source with %s does not compile', async (_, code) => {
  const { reason } = await runGuest(code)
  expect(reason).toMatchObject({ kind: 'fault', error: expect.stringContaining('does not compile') })
})

const imports = [
  `import('node:fs')`,
  `import ('node:fs')`,
  `import\n\n('node:fs')`,
  `import/**/('node:fs')`,
  `import//x\n('node:fs')`,
  `import\u2028('node:fs')`,
  `import\uFEFF('node:fs')`,
  `import<!-- x\n('node:fs')`,
  `import\n--> x\n('node:fs')`,
  `import.meta`,
  `import.source('node:fs')`,
  `import.defer('node:fs')`,
  `\u0024{import('node:fs')}`,
  `0||import('node:fs')`,
]

test('dynamic import is refused however it is written', async () => {
  for (const expression of imports)
    expect(() => refuseImports(`async () => ${expression}`), expression).toThrow('can’t import')
  const { reason } = await runGuest(`async () => { throw import('node:fs') }`)
  expect(reason).toMatchObject({ kind: 'fault', error: expect.stringContaining('does not compile') })
})

test('an escaped keyword is no import either, and a mere mention is allowed', async () => {
  const escaped = await runGuest(`async () => im\\u0070ort('node:fs')`, { launch: threadGuests })
  expect(escaped.reason).toMatchObject({
    kind: 'fault',
    error: expect.stringContaining('escaped characters'),
  })
  const mention = await runGuest(
    `async () => { const important = 'import this'; const o = { reimport() {} }; o.reimport() }`,
    {
      launch: threadGuests,
    },
  )
  expect(mention.reason).toEqual({ kind: 'normal' })
})

test('prototype pollution stays in the guest', async () => {
  const code = `async (sys) => {
    const { caps: [up] } = await sys.recv()
    Object.prototype.polluted = 'yes'; Array.prototype.polluted = 'yes'; Function.prototype.polluted = 'yes'
    const raw = JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"prototype":{"polluted":1}}')
    await sys.send(up, raw); await sys.send(up, [raw, new Map([['__proto__', raw]])]); await sys.log('info', 'x', raw)
    await sys.remember(raw)
    throw Object.assign(new Error('end'), raw)
  }`
  const { reason, said } = await runGuest(code, { launch: threadGuests })
  expect(reason).toEqual({ kind: 'fault', error: 'end' })
  const [first] = said as [Record<string, unknown>]
  expect(Object.keys(first)).toEqual(['__proto__', 'constructor', 'prototype'])
  expect(Object.getPrototypeOf(first)).toBe(Object.prototype)
  for (const victim of [{}, [], () => 0]) expect('polluted' in victim).toBe(false)
})
