import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMask } from './mask.ts'
import { createStreamMask } from './stream-mask.ts'

/** Put together here, so that nobody takes this file for a leak. */
const letters = 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'
const keys = [
  `sk-${letters}`,
  `sk-ant-api03-${letters}_${letters}`,
  `${'AKIA'}IOSFODNN7EXAMPLE`,
  `${'ghp'}_${letters}${letters}`.slice(0, 40),
  `${'xoxb'}-123456789012-${letters}`,
  `${'AIza'}${letters}abc`,
  `${'eyJ'}${letters}.eyJ${letters}.${letters}`,
  `-----BEGIN RSA ${'PRIVATE'} KEY-----\n${letters}\n${letters}\n-----END RSA PRIVATE KEY-----`,
]
const ours = [
  'correct horse battery staple',
  'hunter2hunter2',
  'päss wörd 🔑 with spaces',
  'a.b*c+d?e^f$g{h}',
]

const secret = fc.constantFrom(...keys, ...ours)
const filler = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    ' ',
    '\n',
    'Bearer ',
    'sk-',
    '-----',
    '-----BEGIN ',
    'correct horse ',
    'eyJ.eyJ.',
    '://',
    'hunter2hunte',
  ),
)
const text = fc
  .array(
    fc.oneof(
      filler,
      secret.map((one) => ` ${one} `),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

function pieces(whole: string, cuts: readonly number[]): string[] {
  const points = [...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
    (a, b) => a - b,
  )
  return points.slice(1).map((end, at) => whole.slice(points[at], end))
}

function streamed(whole: string, cuts: readonly number[], mask = createMask(ours)): string {
  const stream = createStreamMask(mask)
  return pieces(whole, cuts)
    .map((piece) => stream.push(piece))
    .concat(stream.end())
    .join('')
}

const parts = (one: string) => one.split('\n').filter((line) => line.length > 8 && !line.startsWith('-----'))

describe('the mask', () => {
  it('leaves no secret standing alone, whole or in pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(' ', '\n', ' text '), secret)),
        fc.array(fc.nat()),
        (rows, cuts) => {
          const whole = rows.map(([before, one]) => `${before}${one}`).join('')
          for (const shown of [createMask(ours).mask(whole), streamed(whole, cuts)])
            for (const one of [...keys, ...ours].flatMap(parts)) expect(shown).not.toContain(one)
        },
      ),
    )
  })

  it('does the same to a stream, however it is cut, as to the whole', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 30 }), (whole, cuts) => {
        expect(streamed(whole, cuts)).toBe(createMask(ours).mask(whole))
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same when done twice, and changes nothing in plain prose', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const once = createMask(ours).mask(whole)
        expect(createMask(ours).mask(once)).toBe(once)
      }),
    )
    const prose = 'The skeleton says: sk-short, eyJust a word. See https://example.com/a:b and v1.2.3-beta.\n'
    expect(createMask().mask(prose)).toBe(prose)
  })

  it('hides a key that never ends, and holds little while it comes', () => {
    const endless = `sk-${'x1'.repeat(400_000)}`
    const stream = createStreamMask(createMask())
    let shown = ''
    for (const piece of endless.match(/.{1,5000}/g) ?? []) shown += stream.push(piece)
    shown += stream.push(' after') + stream.end()
    expect(shown.length).toBeLessThan(200)
    expect(shown.endsWith(' after')).toBe(true)
  })

  it('reads hostile text in linear time', () => {
    const mask = createMask(ours)
    const hostile = [
      'eyJ-',
      'eyJaaaaaaaa.',
      'sk-',
      '-----BEGIN PRIVATE KEY-----',
      '-----BEGIN ',
      'Bearer ',
      '://a:',
      'AKIA',
      'ghp_',
      '- ',
    ]
    for (const one of hostile) {
      const long = one.repeat(Math.ceil(500_000 / one.length))
      const startedAtMs = performance.now()
      mask.mask(long)
      streamed(long, [100, 4000, 250_000], mask)
      expect(performance.now() - startedAtMs, one).toBeLessThan(1500)
    }
  })
})

describe('known secrets', () => {
  it('are hidden in their other forms too', () => {
    const mask = createMask(['p@ss "word"/1'])
    const shown = mask.mask(
      `a=${encodeURIComponent('p@ss "word"/1')} ${JSON.stringify('p@ss "word"/1')} ${btoa('p@ss "word"/1')}`,
    )
    expect(shown).toBe('a=*** "***" ***==')
  })

  it('come from a .env file by name or form, and ordinary values stay', () => {
    const mask = createMask()
    mask.addEnvFile(
      [
        '# comment',
        'PORT=3000',
        'NODE_ENV=development',
        "DB_PASSWORD='open sesame 12'",
        'export API_TOKEN="to\\"ken-value-1"',
        'SESSION=Zm9vYmFyMTIzNDU2Nzg5',
        'HOME_PAGE=https://example.com/start',
        'X_KEY=short',
      ].join('\n'),
    )
    const shown = mask.mask(
      '3000 development open sesame 12 to"ken-value-1 Zm9vYmFyMTIzNDU2Nzg5 https://example.com/start short',
    )
    expect(shown).toBe('3000 development *** *** *** https://example.com/start short')
  })
})
