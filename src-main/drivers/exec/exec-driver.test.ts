import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import type { DriverHandle } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { type ExecResult, execDriver } from './exec-driver.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-exec-'))
afterAll(() => rmSync(folder, { recursive: true }))

const opened = async (): Promise<DriverHandle> => execDriver({ cwd: folder }).open(1 as Pid)

/** The value of a read, which is there. */
async function run(handle: DriverHandle, request: unknown): Promise<ExecResult> {
  const result = await handle.read?.(request)
  if (!result) throw new Error('no result')
  return result.value as ExecResult
}

async function sh(script: string, more: Record<string, unknown> = {}): Promise<ExecResult> {
  const handle = await opened()
  return run(handle, { file: '/bin/sh', args: ['-c', script], ...more })
}

/** Shell source that burns about a second of CPU time or less, depending on the machine. */
const burn = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'

const isAlive = (pid: number): boolean => {
  try {
    return /\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

test('gives code, outputs, input, folder and environment, and nothing of ours', async () => {
  const result = await sh('cat; pwd; env | sort; echo oops >&2; exit 7', {
    stdin: 'in\n',
    env: { ONE: '1', PATH: '/usr/bin:/bin' },
  })
  expect(result).toMatchObject({
    code: 7,
    signal: null,
    stderr: 'oops\n',
    isTimedOut: false,
    isTruncated: false,
  })
  expect(result.stdout).toBe(`in\n${folder}\nONE=1\nPATH=/usr/bin:/bin\nPWD=${folder}\n`)
})

test('arguments are passed as they are, and no shell reads them', async () => {
  const handle = await opened()
  const args = ['%s|', '$HOME', '`id`', '; exit 3', '-n', '', '*', 'it\'s "quoted"', 'line\nbreak']
  const result = await run(handle, { file: '/usr/bin/printf', args })
  expect(result.stdout).toBe(
    args
      .slice(1)
      .map((one) => `${one}|`)
      .join(''),
  )
})

test('CPU time of the program, its children and grandchildren is counted and charged', async () => {
  const handle = await opened()
  const alone = await handle.read?.({ file: '/bin/sh', args: ['-c', burn] })
  const nested = await handle.read?.({
    file: '/bin/sh',
    args: ['-c', `sh -c 'sh -c "${burn.replaceAll('$', '\\$')}"; true'; true`],
  })
  for (const result of [alone, nested]) {
    const value = result?.value as ExecResult
    expect(value.measured).toBe('counted')
    expect(value.cpuMs).toBeGreaterThan(50)
    // One program on one core can't use more than the time that passed.
    expect(value.cpuMs).toBeLessThanOrEqual(value.durationMs + 20)
    expect(result?.cost?.reductions).toBe(Math.ceil(value.cpuMs) + Math.ceil(value.maxRssBytes / 2 ** 20))
  }
  const idle = await run(handle, { file: '/bin/sleep', args: ['0.3'] })
  expect(idle.cpuMs).toBeLessThan(50)
})

test('CPU time of what is still running when the time is up is seen by looking', async () => {
  const result = await sh(`(while :; do :; done) & (while :; do :; done) & wait`, { timeoutMs: 700 })
  expect(result).toMatchObject({ code: null, signal: 'SIGKILL', isTimedOut: true, measured: 'sampled' })
  expect(result.cpuMs).toBeGreaterThan(200)
})

test('the peak of memory is that of the whole group', async () => {
  const hog = (mb: number): string =>
    `head -c ${mb}000000 /dev/zero | tail -c ${mb}000000 | (sleep 0.4; wc -c)`
  const one = await sh(hog(60))
  expect(one.stdout.trim()).toBe('60000000')
  expect(one.maxRssBytes).toBeGreaterThan(55e6)
  expect(one.maxRssBytes).toBeLessThan(120e6)
  const two = await sh(`(${hog(60)}) & (${hog(60)}) & wait`)
  expect(two.maxRssBytes).toBeGreaterThan(115e6)
})

test('a flood of output is read to its end and kept as head and tail', async () => {
  const result = await sh(
    'echo first; head -c 30000000 /dev/zero | tr "\\0" x; echo last; head -c 3000000 /dev/zero >&2',
    {
      maxOutputBytes: 1000,
    },
  )
  expect(result.stdout).toMatch(/^first\nx+\n… 2\d+ bytes left out …\nx+last\n$/)
  expect(result.stdout.length).toBeLessThan(1100)
  expect(result).toMatchObject({ code: 0, isTruncated: true })
})

test('nothing outlives a program, not even what left its session', async () => {
  const result = await sh('sleep 60 & echo $!; setsid sh -c "echo \\$\\$; sleep 60" & sleep 0.3')
  const pids = result.stdout.trim().split('\n').map(Number)
  expect(pids).toHaveLength(2)
  expect(result.code).toBe(0)
  expect(result.durationMs).toBeLessThan(3000)
  for (const pid of pids) await vi.waitFor(() => expect(isAlive(pid)).toBe(false))
})

test('closing the handle ends all programs, and their cost is still told', async () => {
  const handle = await opened()
  const file = join(folder, 'pid')
  const runs = [1, 2].map((n) =>
    Promise.resolve(
      handle.read?.({ file: '/bin/sh', args: ['-c', `echo $$ > ${file}${n}; while :; do :; done`] }),
    ),
  )
  const pids = await Promise.all(
    [1, 2].map((n) =>
      vi.waitFor(() => {
        const pid = Number(readFileSync(`${file}${n}`, 'utf8'))
        expect(pid).toBeGreaterThan(1)
        return pid
      }),
    ),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  await handle.close?.()
  for (const result of await Promise.all(runs)) {
    expect(result?.value).toMatchObject({ signal: 'SIGKILL' })
    expect(result?.cost?.reductions).toBeGreaterThan(50)
  }
  for (const pid of pids) await vi.waitFor(() => expect(isAlive(pid)).toBe(false))
  await expect((async () => handle.read?.({ file: '/bin/true' }))()).rejects.toThrow('aborted')
})

test('a signal shows as a shell shows it; a program that is not there is 127', async () => {
  expect(await sh('kill -TERM $$')).toMatchObject({ code: 143, signal: 'SIGTERM' })
  const handle = await opened()
  const missing = await run(handle, { file: '/no/such/program' })
  expect(missing.code).toBe(127)
  expect(missing.stderr).toContain('not found')
  await expect(Promise.resolve(handle.read?.({ file: '/bin/true', cwd: '/no/such/folder' }))).rejects.toThrow(
    'ENOENT',
  )
})

test('a program that closes its input early is no failure', async () => {
  expect(await sh('exec 0<&-; echo ok', { stdin: 'x'.repeat(2_000_000) })).toMatchObject({
    code: 0,
    stdout: 'ok\n',
  })
})

test.each([
  [undefined, 'file'],
  [{ file: '' }, 'file'],
  [{ file: 'a\0b' }, 'file'],
  [{ file: ['/bin/sh'] }, 'file'],
  [{ file: '/bin/true', args: 'x' }, 'args'],
  [{ file: '/bin/true', args: ['a\0b'] }, 'args'],
  [{ file: '/bin/true', args: [5] }, 'args'],
  [{ file: '/bin/true', cwd: 'relative' }, 'cwd'],
  [{ file: '/bin/true', env: { 'A=B': 'x' } }, 'env'],
  [{ file: '/bin/true', env: { A: 'a\0' } }, 'env'],
  [{ file: '/bin/true', env: null }, 'env'],
  [{ file: '/bin/true', timeoutMs: Number.NaN }, 'timeoutMs'],
  [{ file: '/bin/true', timeoutMs: -1 }, 'timeoutMs'],
  [{ file: '/bin/true', maxOutputBytes: 0.5 }, 'maxOutputBytes'],
  [{ file: '/bin/true', stdin: {} }, 'stdin'],
])('request %j is refused', async (request, words) => {
  const handle = await opened()
  await expect((async () => handle.read?.(request))()).rejects.toThrow(words)
})

test('through the kernel: a tool call each, before it runs; a killed process takes its programs along', async () => {
  const test = testKernel()
  test.kernel.registerDriver(execDriver({ cwd: folder }))
  const file = join(folder, 'killed')
  const reason = await runRoot(
    test,
    async (sys) => {
      const boot = await sys.recv<{ devices: { exec: Parameters<typeof sys.open>[0] } }>()
      const exec = await sys.open(boot.body.devices.exec)
      const { stdout } = await sys.read<ExecResult>(exec, { file: '/bin/echo', args: ['hi'] })
      expect([stdout, sys.budget().toolCalls]).toEqual(['hi\n', 1])
      void sys.read(exec, { file: '/bin/sh', args: ['-c', `echo $$ > ${file}; sleep 60`] })
      await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toMatch(/\d+\n/))
    },
    { grant: ['exec'], quota: { toolCalls: 2 } },
  )
  expect(reason).toEqual({ kind: 'normal' })
  await vi.waitFor(() => expect(isAlive(Number(readFileSync(file, 'utf8')))).toBe(false))
})
