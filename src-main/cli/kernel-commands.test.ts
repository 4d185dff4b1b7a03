import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type KernelFlow, kernelFlow } from '../app/kernel-flow.fixture.ts'
import { contract } from '../contract/index.ts'
import type { ModelCall, ProcessRow } from '../contract/process.ts'
import { memoryPorts } from '../wire/port.ts'
import { createPortClient } from '../wire/port-client.ts'
import { servePort } from '../wire/port-server.ts'
import { createRouter } from '../wire/router.ts'
import { UsageError } from './args.ts'
import type { CliCommand } from './command.ts'
import { caps, models } from './kernel-commands.ts'
import { ps } from './process-commands.ts'
import { arrange, processLines } from './process-table.ts'
import type { Screen, Terminal } from './terminal.ts'
import { top } from './top.ts'

let flow: KernelFlow
let close: () => void
let client: ReturnType<typeof createPortClient<typeof contract>>['client']
beforeEach(async () => {
  flow = await kernelFlow()
  const [left, right] = memoryPorts()
  const newId = () => crypto.randomUUID()
  const router = createRouter(contract, flow.app.handlers, { newId, onDefect: () => {}, checksOutput: true })
  const server = servePort(left, router, {
    actor: { kind: 'operator', id: 'cli' },
    nextTurn: () => new Promise<void>((resolve) => void setImmediate(resolve)),
    setTimer: (fn, ms) => void setTimeout(fn, ms),
  })
  const opened = createPortClient(contract, right, { newId })
  client = opened.client
  close = () => server.close()
})
afterEach(async () => {
  close()
  await flow.close()
})

/** Runs a command as at a terminal; with a screen when one is given. */
async function say(
  command: CliCommand,
  args: readonly string[],
  more: { isJson?: boolean; screen?: Screen; columns?: number } = {},
) {
  const lines: string[] = []
  const terminal: Terminal = {
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(`! ${line}`),
    write: () => undefined,
    isJson: more.isJson ?? false,
    hasColour: false,
    columns: more.columns,
    ask: async () => undefined,
    openScreen: () => more.screen,
  }
  const code = await command.run(args, { client, terminal, signal: AbortSignal.timeout(10_000), cwd: '/' })
  return { code, lines, text: lines.join('\n') }
}

describe('ps', () => {
  it('shows the tree, of everything or of one session', async () => {
    const sessionId = await flow.begin(2, { title: 'Nested\u001b[2J' })
    await flow.begin()
    const all = await say(ps, [])
    expect(all.code).toBe(0)
    expect(all.lines).toHaveLength(6)
    expect(all.lines[0]).toMatch(/^PID +STATE +PRI .*PROCESS$/)
    expect(all.lines[1]).toMatch(/^1 +waiting:recv .* fleet$/)
    expect(all.lines[2]).toContain(`  Nested\\u{1b}[2J  ${sessionId.slice(0, 12)}`)
    expect(all.lines[4]).toMatch(/ {6}part 1$/)
    expect((await say(ps, ['--session', sessionId])).lines).toHaveLength(4)
    const json = JSON.parse((await say(ps, [], { isJson: true })).text) as { rows: unknown[] }
    expect(json.rows).toHaveLength(5)
    await expect(say(ps, ['word'])).rejects.toThrow('"word" is none of suspend, resume,')
  })

  it('fits the window, and names every process even in a narrow one', async () => {
    await flow.begin(1, { title: 'A title that is much longer than a narrow window has room for' })
    for (const columns of [40, 80, 120]) {
      const { lines } = await say(ps, [], { columns })
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
      expect(lines[2]).toContain('A title that is')
    }
    expect((await say(ps, [])).lines[2]).toContain('window has room f')
  })

  it('suspends, resumes, changes priority and budget, and ends', async () => {
    const sessionId = await flow.begin(1)
    const pid = flow.pidOf(sessionId)
    const row = async () => (await client.process.list({})).rows.find((one) => one.pid === pid)
    const of = String(pid)
    expect((await say(ps, ['priority', of, '-3'])).text).toBe(`priority of ${of}: -3`)
    expect((await row())?.priority).toBe(-3)
    expect((await say(ps, ['budget', of, '--tokens', '5k', '--usd', 'none'])).text).toBe(
      `budget of ${of} changed: usd, tokens`,
    )
    expect((await row())?.use).toMatchObject({ tokens: { limit: 5000 }, usdNanos: { limit: null } })
    const part = (await client.process.list({ sessionId })).rows.find((one) => one.kind !== 'session')
    expect((await say(ps, ['kill', String(part?.pid)])).text).toBe(`ended ${part?.pid}`)
    await expect(say(ps, ['kill', String(part?.pid)])).rejects.toMatchObject({ code: 'process_not_found' })
  })

  it('refuses acts that are written wrongly', async () => {
    for (const args of [
      ['kill'],
      ['kill', '1', '2'],
      ['suspend', 'x'],
      ['priority', '1'],
      ['priority', '1', '21'],
      ['priority', '1', 'high'],
      ['budget', '1'],
      ['budget', '1', '--tokens', 'many'],
    ])
      await expect(say(ps, args), args.join(' ')).rejects.toThrow(UsageError)
  })

  it('orders by amounts, and keeps rows whose parents are not shown', () => {
    const row = (pid: number, parent: number, tokens: number) =>
      ({ pid, parent, use: { tokens: { spent: tokens } } }) as ProcessRow
    const rows = [row(5, 4, 1), row(4, 3, 9), row(9, 3, 9)]
    expect(arrange(rows, 'tree').map((one) => [one.row.pid, one.depth])).toEqual([
      [4, 0],
      [5, 1],
      [9, 0],
    ])
    expect(arrange(rows, 'tokens').map((one) => one.row.pid)).toEqual([4, 9, 5])
    expect(processLines([])).toHaveLength(1)
  })
})

describe('caps', () => {
  it('lists what is held and refused, and takes it away', async () => {
    const sessionId = await flow.begin()
    flow.kernel.kernel.door(flow.pidOf(sessionId) as never).open('net:evil:1', { what: 'curl\nevil' })
    const listed = await say(caps, ['--pid', String(flow.pidOf(sessionId))])
    expect(listed.text).toMatch(/^ID +PID +KIND +RIGHTS/)
    expect(listed.text).toMatch(/device +open +\d+ +0 +never +— .* tool:shell$/m)
    expect(listed.text).toMatch(/net:evil:1 +no_device .* curl evil$/m)
    expect((await say(caps, ['--pid', String(flow.pidOf(sessionId))], { columns: 70 })).lines[0]).toBe(
      'ID  RIGHTS  USES  LAST USED  ENDS IN  HELD BY  TARGET',
    )
    const id = /^(\d+) .*net:\*/m.exec(listed.text)?.[1] ?? ''
    expect((await say(caps, ['narrow', id, 'net:a:1', '--time', '10m'])).text).toBe(
      `narrowed ${id} to net:a:1`,
    )
    const shell = /^(\d+) .*tool:shell/m.exec(listed.text)?.[1] ?? ''
    expect((await say(caps, ['expire', shell, '--time', '2h'])).text).toBe(`${shell} ends in 2h 00m`)
    expect((await say(caps, ['revoke', shell])).text).toBe(`revoked ${shell}`)
    await expect(say(caps, ['revoke', shell])).rejects.toMatchObject({ code: 'capability_not_found' })
    const left = await say(caps, ['--session', sessionId, 'net:'])
    expect(left.text).toContain('net:a:1')
    expect(left.text).not.toContain('tool:shell')
  })

  it('refuses what is written wrongly', async () => {
    for (const args of [
      ['revoke'],
      ['revoke', 'x'],
      ['revoke', '1', '2'],
      ['expire', '1'],
      ['narrow', '1'],
      ['--pid', '-1'],
      ['expire', '1', '--time', 'soon'],
    ])
      await expect(say(caps, args), args.join(' ')).rejects.toThrow(UsageError)
  })
})

describe('models', () => {
  const call: ModelCall = {
    id: 'c1',
    sessionId: 'ses-0001' as ModelCall['sessionId'],
    sessionTitle: null,
    agent: null,
    dialect: 'gemini',
    provider: 'google',
    model: 'gemini-2.5-pro',
    isTranslated: false,
    state: 'cut',
    startedAtMs: 1,
    firstByteMs: 120,
    durationMs: 900,
    inputTokens: 12_345,
    cachedTokens: null,
    outputTokens: 7,
    costUsdNanos: null,
    source: 'estimated',
    status: 200,
    error: null,
  }
  it('lists calls with totals, and prices', async () => {
    flow.app.noteModelCall(call)
    flow.app.noteModelCall({ ...call, id: 'c2', state: 'done', costUsdNanos: 1_500_000_000 })
    const { lines } = await say(models, [])
    expect(lines[0]).toMatch(/^STARTED +STATE +MODEL/)
    expect(lines.find((line) => line.includes('cut'))).toMatch(
      /google\/gemini-2.5-pro +12.3k\/—\/7 +— +0.1 s +0.9 s/,
    )
    expect(lines.at(-2)).toBe(
      '2 calls · 24.7k in, 0 cached, 14 out · $1.50 · 1 without cost · 0 refused, 1 cut, 0 failed',
    )
    expect((await say(models, ['--state', 'cut'])).lines).toHaveLength(4)
    await expect(say(models, ['--state', 'odd'])).rejects.toThrow('--state')
    expect((await say(models, ['--prices'])).text).toContain('List prices per million tokens')
  })
})

describe('top', () => {
  it('draws in place, kills what was confirmed, and gives the terminal back', async () => {
    const sessionId = await flow.begin(1, { title: 'To be ended' })
    const pid = flow.pidOf(sessionId)
    const drawn: string[][] = []
    let hear: (key: string) => void = () => {}
    let isClosed = false
    const screen: Screen = {
      size: () => ({ columns: 200, rows: 50 }),
      draw: (lines) => void drawn.push([...lines]),
      onKey: (listener) => {
        hear = listener
        return () => {}
      },
      close: () => {
        isClosed = true
      },
    }
    const running = say(top, ['--every', '1s'], { screen })
    const last = () => drawn.at(-1)?.join('\n') ?? ''
    await expect.poll(last).toContain('To be ended')
    for (const key of `k${pid}\r`) hear(key)
    expect(last()).toContain(`End the session "To be ended" (pid ${pid}) at once? y/n`)
    hear('y')
    await expect.poll(last).toContain(`${pid} was ended.`)
    flow.pass(1000)
    await expect.poll(last).toContain('1 process, 0 sessions')
    for (const key of 'k77\ry') hear(key)
    expect(last()).toContain('No process 77 is here.')
    hear('q')
    expect((await running).code).toBe(0)
    expect(isClosed).toBe(true)
  })

  it('writes plain lines where nobody sits at a terminal', async () => {
    await flow.begin()
    const lines: string[] = []
    const stop = new AbortController()
    const terminal: Terminal = {
      out(line) {
        lines.push(line)
        if (line === '') stop.abort()
      },
      err: () => undefined,
      write: () => undefined,
      isJson: false,
      hasColour: false,
      ask: async () => undefined,
      openScreen: () => undefined,
    }
    await top.run([], { client, terminal, signal: stop.signal, cwd: '/' }).catch(() => undefined)
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(/^PID/)
  })
})
