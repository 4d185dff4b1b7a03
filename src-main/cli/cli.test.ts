import { describe, expect, it } from 'vitest'
import type { Activity, ActivityBody } from '../contract/activity.ts'
import { createActivityPrinter } from './activity-lines.ts'
import { readArgs, readCount, readDuration, readUsd, UsageError } from './args.ts'
import { formatUsd, oneLine, type Terminal, table, visible } from './terminal.ts'

describe('reading what a person wrote', () => {
  it('takes money, counts and durations exactly', () => {
    expect(readUsd('1.50')).toBe(1_500_000_000)
    expect(readUsd('$0.000000001')).toBe(1)
    expect(readUsd('7')).toBe(7_000_000_000)
    expect(readCount('tokens', '600k')).toBe(600_000)
    expect(readCount('tokens', '2M')).toBe(2_000_000)
    expect(readDuration('90s')).toBe(90_000)
    expect(readDuration('2h')).toBe(7_200_000)
    expect(readUsd(undefined)).toBeUndefined()
  })

  it('names the option in each refusal', () => {
    for (const bad of ['', '-1', '1,5', '1.0000000001', 'NaN', '1e9', '٣'])
      expect(() => readUsd(bad)).toThrow('--usd')
    for (const bad of ['5', '5d', 'm', '-5m']) expect(() => readDuration(bad)).toThrow('--time')
    for (const bad of ['x', '1.5k', '10kk']) expect(() => readCount('tokens', bad)).toThrow('--tokens')
    expect(() => readArgs(['--nope'], {})).toThrow(UsageError)
    expect(() => readArgs(['--nope'], {})).toThrow('--nope')
  })
})

describe('agent text on a terminal', () => {
  it('can send no escape sequence, no carriage return and no text direction', () => {
    expect(visible('a\u001b[31mred\u0007')).toBe('a\\u{1b}[31mred\\u{7}')
    expect(visible('safe\rover')).toBe('safe\\u{d}over')
    expect(visible('abc\u202egnp.exe')).toBe('abc\\u{202e}gnp.exe')
    expect(visible('\u009b31m')).toBe('\\u{9b}31m')
    expect(visible('tab\tline\nünïcödé 漢字')).toBe('tab\tline\nünïcödé 漢字')
  })
  it('is cut to one line', () => {
    expect(oneLine('a\nb   c', 10)).toBe('a b c')
    expect(oneLine('abcdefghij', 5)).toBe('abcd…')
  })
})

it('shows unknown money as a dash and small money with four decimals', () => {
  expect([formatUsd(null), formatUsd(0), formatUsd(1_500_000_000), formatUsd(1_230_000)]).toEqual([
    '—',
    '$0.00',
    '$1.50',
    '$0.0012',
  ])
})

it('lines up columns', () => {
  expect(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toEqual(['a    bb', 'ccc  d'])
})

describe('the activity printer', () => {
  function print(bodies: readonly ActivityBody[]): string {
    const parts: string[] = []
    const terminal: Terminal = {
      out: (line) => void parts.push(`${line}\n`),
      err: () => undefined,
      write: (words) => void parts.push(words),
      isJson: false,
      hasColour: false,
      ask: async () => undefined,
      openScreen: () => undefined,
    }
    const printer = createActivityPrinter(terminal, () => 0)
    bodies.forEach(
      (body, index) =>
        void printer.print({ cursor: index + 1, atMs: index * 61_000, body } satisfies Activity),
    )
    printer.end()
    return parts.join('')
  }

  it('lets pieces of one message flow and starts a new line for anything else', () => {
    const text = print([
      { kind: 'response', messageId: 'm1', text: 'Hello ' },
      { kind: 'response', messageId: 'm1', text: 'world\u001b[2J' },
      { kind: 'tool', callId: 'c1', status: 'running', tool: 'execute', command: ['node', '--test'] },
      {
        kind: 'tool',
        callId: 'c1',
        status: 'completed',
        exitCode: 1,
        output: 'not ok 1\nboom\n',
        durationMs: 1500,
      },
      { kind: 'refused', what: 'read /root/.ssh/id', device: 'tool:read', reason: 'outside the workarea' },
    ])
    expect(text).toContain('0:00  Hello world\\u{1b}[2J\n')
    expect(text).toContain('execute node --test')
    expect(text).toContain('completed exit 1 1.5 s\n         | not ok 1\n         | boom')
    expect(text).toContain('refused read /root/.ssh/id: outside the workarea')
  })
})
