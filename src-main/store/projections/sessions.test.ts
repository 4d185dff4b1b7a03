import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'
import { asOperator } from '../../app/app.suite.ts'
import { end, run, started, submit } from '../../app/flow.suite.ts'
import { WorkareaId } from '../../contract/ids.ts'
import type { SessionRow } from '../../contract/session.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-sessions-table-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Columns {
  readonly row: string
  readonly [column: string]: string | number | null
}

it('keeps every column in step with its row, also where a fact leaves most of them alone', async () => {
  const file = join(folder, 'signalbox.db')
  const open = await started({ file })
  const db = new Database(file, { readonly: true })
  const all = db.prepare<[], Columns>('SELECT * FROM sessions')
  const check = () => {
    const stored = all.all()
    for (const columns of stored) {
      const row = JSON.parse(columns.row) as SessionRow
      expect(columns).toMatchObject({
        status: row.status,
        phase: row.phase,
        priority: row.priority,
        workarea_id: row.workareaId,
        cost: row.usage.costUsdNanos,
        started_at_ms: row.startedAtMs,
        ended_at_ms: row.endedAtMs,
        since_ms: row.track.find(({ phase }) => phase === row.phase)?.enteredAtMs ?? row.createdAtMs,
      })
      expect(columns.search).toContain((row.branch ?? row.title).toLowerCase())
    }
    return stored
  }
  const { sessionId } = await submit(open)
  check()
  await open.app.handlers.session.reprioritise({ sessionId, priority: 1 }, asOperator())
  expect(check()[0]?.priority).toBe(1)
  open.pass(1000)
  const workareaId = WorkareaId.parse(run(open, sessionId))
  const before = check()[0]
  open.pass(1000)
  const changes = { files: 3, insertions: 20, deletions: 1 }
  open.app.record([
    { type: 'workarea.changed', subject: sessionId, payload: { workareaId, changes, tree: null } },
  ])
  const after = check()[0]
  expect(JSON.parse(after?.row ?? '')).toMatchObject({ changes })
  expect(after?.changed_seq).toBeGreaterThan(Number(before?.changed_seq))
  expect(after?.attention).toBe(before?.attention)
  end(open, sessionId, { kind: 'normal' }, 777)
  const [ended] = check()
  expect(ended?.cost).toBe(777)
  expect(ended?.attention).not.toBe(before?.attention)
  db.close()
  open.store.close()
})
