import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { Area } from './area.ts'

/** Written last: a workarea with a record is complete. */
export async function writeRecord(area: Area, record: WorkareaRecord): Promise<void> {
  await writeFile(join(area.folder, 'record.json'), JSON.stringify(record), { mode: 0o600 })
}

export async function readRecord(area: Area): Promise<WorkareaRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(area.folder, 'record.json'), 'utf8'))
    return isRecord(value) && value.workareaId === area.id ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is WorkareaRecord {
  if (typeof value !== 'object' || value === null) return false
  const texts = [
    'workareaId',
    'sessionId',
    'repositoryPath',
    'path',
    'branch',
    'baseRef',
    'baseCommit',
    'mode',
  ]
  const fields = new Map(Object.entries(value))
  return texts.every((key) => typeof fields.get(key) === 'string') && Array.isArray(fields.get('notes'))
}
