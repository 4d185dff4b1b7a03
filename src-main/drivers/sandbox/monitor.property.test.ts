import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Sys, SyscallName } from '../../kernel/abi.ts'
import { allowed, DEFAULT_ALLOW } from './calls.ts'
import { Monitor } from './monitor.ts'

const ALL: readonly SyscallName[] = [
  ...DEFAULT_ALLOW,
  ...([
    'register',
    'unregister',
    'lookup',
    'dial',
    'spawnRemote',
    'spawn',
    'exit',
    'monitor',
    'waitpid',
  ] as const),
  ...(['signal', 'suspend', 'resume', 'term', 'sched', 'onCleanup'] as const),
]

interface Made {
  readonly name: string
  readonly args: readonly unknown[]
}

/** A system call surface that notes what is called. References it mints are real-looking. */
function spySys(made: Made[]): Sys {
  const refs = new Set<SyscallName>([
    'selfCap',
    'derive',
    'attenuate',
    'open',
    'lookup',
    'dial',
    'spawnRemote',
  ])
  const calls = ALL.map((name) => [
    name,
    (...args: unknown[]) => {
      if (name !== 'yield') made.push({ name, args })
      if (name === 'recv') return Promise.resolve({ from: 1, caps: ['c'.repeat(32)], body: 'x' })
      return refs.has(name) ? `${'0'.repeat(31)}${made.length % 10}` : Promise.resolve(1)
    },
  ])
  return Object.freeze(Object.assign(Object.create(null), Object.fromEntries(calls)) as Sys)
}

/** A monitor whose far side is the test. */
function rig(allow: readonly SyscallName[]) {
  const made: Made[] = []
  const sent: string[] = []
  let terminated = 0
  const monitor = new Monitor(spySys(made), {
    allow: allowed(allow),
    timeoutMs: 60_000,
    maxHeldChars: 1 << 22,
    holdTime: () => () => undefined,
    image: (code) => ({ name: code, main: async () => undefined }),
  })
  const link = {
    send: (text: string) => {
      sent.push(text)
    },
    terminate: () => {
      terminated++
    },
  }
  const ended = monitor.run(link, 'async () => {}', null).then(
    () => 'normal',
    (error: Error) => error.message,
  )
  return { monitor, made, sent, ended, terminations: () => terminated }
}

async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => globalThis.setImmediate(resolve))
}

const name = fc.oneof(
  fc.constantFrom<string>(...ALL),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'sys', ''),
  fc.string(),
)
const argument = fc.oneof(
  fc.jsonValue(),
  fc.integer(),
  fc.constantFrom(
    'c'.repeat(32),
    { $t: 'map', v: [[1]] },
    { $t: 'bigint', v: 'x' },
    { $t: 'object', v: { __proto__: null } },
  ),
)
const call = fc.record({
  id: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.jsonValue()),
  call: name,
  args: fc.array(argument, { maxLength: 4 }),
})
const message = fc.oneof(
  { weight: 6, arbitrary: call.map((one) => `c${JSON.stringify(one)}`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'i',
      'r',
      'e{"fault":null}',
      'e{"fault":{}}',
      'c',
      'c[]',
      'cnull',
      's[]',
      'b{}',
    ),
  },
  fc.string(),
  fc.anything(),
)

/** A conversation in good form, most of its calls allowed, with a few messages of any kind thrown in somewhere. */
const conversation = fc
  .subarray([...DEFAULT_ALLOW, 'spawn', 'exit'] as SyscallName[])
  .chain((allow) => {
    const good = allow.length > 0 ? fc.constantFrom<string>(...allow) : name
    const one = fc.record({
      name: fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: name }),
      args: fc.array(argument, { maxLength: 4 }),
    })
    const steps = fc.array(fc.array(one, { minLength: 1, maxLength: 4 }), { maxLength: 6 })
    const thrownIn = fc.array(fc.tuple(fc.nat(30), message), { maxLength: 2 })
    return fc.tuple(fc.constant(allow), steps, thrownIn)
  })
  .map(([allow, steps, thrownIn]) => {
    let id = 0
    const messages: unknown[] = steps.flatMap((calls) => [
      ...calls.map((one) => `c${JSON.stringify({ id: ++id, call: one.name, args: one.args })}`),
      'i',
    ])
    for (const [at, odd] of thrownIn) messages.splice(at, 0, odd)
    return { allow, messages }
  })

test('whatever a sandbox posts, only allowed calls are made (invariant 43)', async () => {
  let calls = 0
  await fc.assert(
    fc.asyncProperty(conversation, async ({ allow, messages }) => {
      const { monitor, made, sent } = rig(allow)
      monitor.heard('r')
      for (const one of messages) {
        monitor.heard(one)
        if (one === 'i') await turns(2)
      }
      monitor.heard('i')
      await turns()
      for (const { name: called } of made) expect(allow).toContain(called)
      calls += made.length
      // No real reference goes down, wherever it stood in an answer.
      for (const text of sent) expect(text).not.toMatch(/[c0]{31}/)
      monitor.close()
    }),
    { numRuns: 1000 },
  )
  // The generator makes calls that are allowed as well, else all this says little.
  expect(calls).toBeGreaterThan(1000)
})

test('references in a call are numbers that were given out, or nothing is called', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(argument, fc.anything()).filter((one) => one !== 1),
      async (forged) => {
        const { monitor, made, sent } = rig(['recv', 'send', 'read', 'revoke', 'derive'])
        monitor.heard('r')
        monitor.heard('c{"id":1,"call":"recv","args":[]}')
        monitor.heard('i')
        await turns()
        const text = JSON.stringify(forged) ?? 'null'
        if (JSON.stringify(JSON.parse(text)) === '1') return
        for (const [i, called] of ['send', 'read', 'revoke', 'derive'].entries())
          monitor.heard(`c{"id":${i + 2},"call":"${called}","args":[${text},[]]}`)
        monitor.heard(`c{"id":6,"call":"send","args":[1,0,{"caps":[${text}]}]}`)
        monitor.heard('i')
        await turns()
        expect(made.map((one) => one.name)).toEqual(['recv'])
        expect(sent.at(-1)?.match(/"code":"E(CAP|INVAL)"/g)).toHaveLength(5)
        monitor.close()
      },
    ),
    { numRuns: 500 },
  )
})

const breaches: readonly (readonly [string, readonly unknown[], string])[] = [
  ['an unknown call', ['r', 'c{"id":1,"call":"format","args":[]}'], 'a call that it may not make'],
  [
    'a call that is not allowed',
    ['r', 'c{"id":1,"call":"signal","args":[1]}'],
    'a call that it may not make',
  ],
  ['an inherited name', ['r', 'c{"id":1,"call":"constructor","args":[]}'], 'a call that it may not make'],
  [
    'a reused number',
    ['r', 'c{"id":1,"call":"self","args":[]}', 'c{"id":1,"call":"self","args":[]}'],
    'reused a call number',
  ],
  [
    'a smaller number',
    ['r', 'c{"id":9,"call":"self","args":[]}', 'c{"id":8,"call":"self","args":[]}'],
    'reused a call number',
  ],
  ['a forged reply', ['r', 's[[1,true,1]]'], 'malformed'],
  ['a forged start', ['r', 'b{"code":"x"}'], 'malformed'],
  ['a second greeting', ['r', 'r'], 'out of turn'],
  ['a call before the start', ['c{"id":1,"call":"self","args":[]}'], 'out of turn'],
  ['a call between steps', ['r', 'i', 'c{"id":1,"call":"self","args":[]}'], 'out of turn'],
  ['silence between steps', ['r', 'i', 'i'], 'out of turn'],
  ['a call after the end', ['r', 'e{"fault":null}', 'c{"id":1,"call":"self","args":[]}'], 'out of turn'],
  [
    'an object with a getter',
    [
      'r',
      {
        get id() {
          throw new Error('looked')
        },
      },
    ],
    'malformed',
  ],
  ['shared memory', ['r', new SharedArrayBuffer(8)], 'malformed'],
  ['a buffer', ['r', new Uint8Array(8)], 'malformed'],
  ['nothing', ['r', undefined], 'malformed'],
  ['a text object', ['r', Object('i')], 'malformed'],
  ['a giant text', ['r', `c{"id":1,"call":"log","args":["${'x'.repeat(2 ** 20)}"]}`], 'malformed'],
  ['a number that is none', ['r', 'c{"id":1e400,"call":"self","args":[]}'], 'malformed'],
  ['a fractional number', ['r', 'c{"id":1.5,"call":"self","args":[]}'], 'malformed'],
  ['arguments that are no list', ['r', 'c{"id":1,"call":"self","args":{"length":1}}'], 'malformed'],
]

test.each(breaches)('%s ends the process', async (_, messages, words) => {
  const { monitor, ended, made, terminations } = rig(DEFAULT_ALLOW)
  for (const one of messages) monitor.heard(one)
  expect(await ended).toContain(words)
  expect(terminations()).toBe(1)
  monitor.heard('c{"id":99,"call":"self","args":[]}')
  monitor.heard('i')
  await turns()
  expect(made).toEqual([])
})

test('the end of the thread or process is a fault with its reason', async () => {
  const { monitor, ended } = rig(DEFAULT_ALLOW)
  monitor.heard('r')
  monitor.ended('the sandbox thread ended')
  expect(await ended).toBe('the sandbox thread ended')
})

test('values nested deeper than a message may be are refused, not followed', async () => {
  const { monitor, sent, made } = rig(DEFAULT_ALLOW)
  monitor.heard('r')
  monitor.heard(`c{"id":1,"call":"log","args":["info",${'['.repeat(100_000)}${']'.repeat(100_000)}]}`)
  monitor.heard('i')
  await turns()
  expect(made).toEqual([])
  expect(sent.at(-1)).toContain('nested too deeply')
  monitor.close()
})
