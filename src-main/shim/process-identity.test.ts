import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { isAlive, parseStat, readStat } from './process-identity.ts'

it('reads a line whose name holds spaces, brackets and digits', () => {
  const rest = `S 7 ${Array.from({ length: 17 }, (_, n) => n).join(' ')} 4711 0 0`
  expect(parseStat(`12 (a) R 99 (b)) ${rest}`)).toEqual({ pid: 12, parent: 7, state: 'S', startTime: '4711' })
})

it.each(['', '12', '12 (x', '12 (x) ', '12 (x) S', '(x) S 1', 'x (y) S 1 2 3'])(
  'takes %j for no process',
  (text) => {
    expect(parseStat(text)).toBe(undefined)
  },
)

it('knows a process by its start, and a zombie for dead', async () => {
  const own = readStat(process.pid)
  expect(isAlive(process.pid, own?.startTime ?? '')).toBe(true)
  expect(isAlive(process.pid, '1')).toBe(false)
  // The shell becomes another program before its child ends; nobody waits for the child, so it stays a zombie.
  const shell = spawn('/bin/sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 20'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [line] = await shell.stdout.take(1).toArray()
  const pid = Number(String(line))
  await expect.poll(() => readStat(pid)?.state, { timeout: 10_000 }).toBe('Z')
  expect(isAlive(pid, readStat(pid)?.startTime ?? '')).toBe(false)
  shell.kill('SIGKILL')
})
