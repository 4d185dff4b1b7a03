import { expect, it } from 'vitest'
import { entryHash } from '../../store/entry-hash.ts'
import { buildBody, noHash } from './body.ts'
import {
  canonicalJson,
  formatNumber,
  maxBodyBytes,
  NotCanonical,
  parseCanonical,
  utf8Length,
} from './canonical.ts'

it('gives the check values of the audit specification', () => {
  const body =
    '{"actorId":"operator","chain":"session:sess-1","eventKind":"session-accepted","eventVersion":1,' +
    '"occurredAt":"2026-01-02T03:04:05.678Z","payload":{"project":"acme/app","workType":"development"},' +
    '"sequence":1,"sessionId":"sess-1","v":1}'
  const first = {
    actor: 'operator',
    chain: 'session:sess-1',
    type: 'session.accepted',
    version: 1,
    atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    payload: { workType: 'development', project: 'acme/app' },
    chainSeq: 1,
  } as const
  expect(buildBody(first)).toBe(body)
  const hash = entryHash(noHash, body)
  expect(hash).toBe('cc8502ff56989a7dd092efd8be6b82fe535e6f4752e46a44b6f40ce9eb2d9ab5')
  const second = buildBody({
    ...first,
    actor: 'daemon',
    type: 'workarea.acquired',
    atMs: Date.UTC(2026, 0, 2, 3, 4, 6),
    payload: {},
    chainSeq: 2,
  })
  expect(entryHash(hash, second)).toBe('f07fa2de1b85871cb775612f2637a583487d0d7fbee52cdd9c95382fa0836d46')
})

it('sorts keys by UTF-16 code units, so that an emoji stands before a ligature', () => {
  expect(canonicalJson({ '\ufb33': 1, '\u{1f600}': 2, b: 3, a: 4, '10': 5, '9': 6 })).toBe(
    '{"10":5,"9":6,"a":4,"b":3,"\u{1f600}":2,"\ufb33":1}',
  )
})

it('writes numbers in their shortest form and escapes only what it must', () => {
  expect(canonicalJson([-0, 1e-7, 0.1, 4.5, 123e-20, 9007199254740991])).toBe(
    '[0,1e-7,0.1,4.5,1.23e-18,9007199254740991]',
  )
  expect(formatNumber(1e21)).toBe('1e+21')
  expect(canonicalJson('\u2028 "\\/\b\f\n\r\t\u0001\u007f é')).toBe(
    '"\u2028 \\"\\\\/\\b\\f\\n\\r\\t\\u0001\u007f é"',
  )
})

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])

it.each([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['minus infinity', Number.NEGATIVE_INFINITY],
  ['an integer beyond 2^53-1', 2 ** 53],
  ['half a surrogate pair', '\ud800'],
  ['half a surrogate pair as key', { '\udc00': 1 }],
  ['undefined', undefined],
  ['undefined inside', { a: undefined }],
  ['a hole', [1, undefined, 2]],
  ['a big integer', 1n],
  ['a function', () => 1],
  ['a symbol as key', { [Symbol('a')]: 1 }],
  ['a date', new Date(0)],
  ['a map', new Map()],
  ['65 levels', nested(65)],
  ['more than 256 KiB', 'é'.repeat(maxBodyBytes / 2)],
])('refuses %s', (_name, value) => {
  expect(() => canonicalJson(value)).toThrow(NotCanonical)
})

it('takes what is just within its bounds', () => {
  expect(canonicalJson(nested(64))).toHaveLength(129)
  expect(utf8Length(canonicalJson('x'.repeat(maxBodyBytes - 2)))).toBe(maxBodyBytes)
})

it.each([
  '{"a":1,"a":1}',
  '{ "a":1}',
  '{"b":1,"a":1}',
  '[1.0]',
  '["\\u0041"]',
  '[-0]',
  '{"a":1}x',
  '',
  '[1e400]',
])('knows that %s is not canonical', (text) => expect(parseCanonical(text)).toBeUndefined())
