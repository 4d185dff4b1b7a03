import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { readStat } from '../../shim/process-identity.ts'
import { descendants, sessionProcesses, stopAll } from './process-tree.ts'

const stat = (pid: number, parent: number, state = 'S') => ({ pid, parent, state, startTime: String(pid) })

it('finds a process and all below it, and nothing beside', () => {
  const all = [stat(1, 0), stat(10, 1), stat(11, 10), stat(12, 11, 'Z'), stat(13, 12), stat(20, 1)]
  expect(descendants(10, all).map(({ pid }) => pid)).toEqual([10, 11, 13])
  expect(descendants(99, all)).toEqual([])
})

it('never signals when the process is another one by now', () => {
  const child = spawn('sleep', ['30'])
  sessionProcesses(child.pid ?? 0, '1').kill()
  expect(readStat(child.pid ?? 0)?.state).not.toBe('Z')
  expect(child.killed).toBe(false)
  const startTime = readStat(child.pid ?? 0)?.startTime ?? ''
  sessionProcesses(child.pid ?? 0, startTime).kill()
  return expect(
    new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal))),
  ).resolves.toBe('SIGKILL')
})

it('stops a process that starts others without end', async () => {
  const child = spawn('/bin/sh', ['-c', 'while :; do /bin/true; /bin/true & wait; done'])
  const processes = sessionProcesses(child.pid ?? 0, readStat(child.pid ?? 0)?.startTime ?? '')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await stopAll(processes)).toBe(true)
  const before = processes.list().map(({ pid }) => pid)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(processes.list().map(({ pid }) => pid)).toEqual(before)
  processes.kill()
})
