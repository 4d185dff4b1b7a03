import { expect, it } from 'vitest'
import type { Child } from '../../ports/executor.ts'
import { createManualClock, quiet } from '../app.suite.ts'
import type { KernelNews } from './kernel-host.ts'
import type { LiveSession } from './live-session.ts'
import { createPrograms } from './programs.ts'

it('a program stands still while its process does, and ends with it', async () => {
  const done: string[] = []
  let tell: (news: KernelNews) => void = () => {}
  const programs = createPrograms({
    kernel: {
      parts: { spawn: () => 7, spawnAgent: () => 'gone', end: () => {}, measured: () => {} },
      onNews(listener) {
        tell = listener
        return () => {}
      },
    },
    executor: { measure: async () => new Map() },
    ledger: { record: () => {} },
    clock: createManualClock().clock,
    log: quiet,
  })
  const child: Pick<Child, 'freeze' | 'thaw' | 'terminate' | 'exited'> = {
    freeze: async () => void done.push('freeze'),
    thaw: async () => {
      done.push('thaw')
      throw new Error('it has gone')
    },
    async terminate() {
      done.push('terminate')
      return { code: 0, signal: null }
    },
    exited: new Promise(() => {}),
  }
  programs.follow({ id: 'ses-1', pid: 2, isEnding: false } as LiveSession, child as Child, 'node')
  for (const pid of [3, 7]) {
    tell({ type: 'suspended', pid })
    tell({ type: 'resumed', pid })
  }
  tell({ type: 'exited', pid: 7, reason: { kind: 'killed', by: 0 } })
  tell({ type: 'suspended', pid: 7 })
  expect(done).toEqual(['freeze', 'thaw', 'terminate'])
})
