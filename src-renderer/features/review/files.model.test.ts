import type { ChangedFile } from '@contract/workarea.ts'
import { expect, it } from 'vitest'
import { arrangeFiles, neighbour, sideFacts, statusWord } from './files.model.ts'

const file = (path: string, more: Partial<ChangedFile> = {}): ChangedFile => ({
  path,
  oldPath: null,
  status: 'modified',
  insertions: 1,
  deletions: 0,
  isBinary: false,
  oldMode: '100644',
  newMode: '100644',
  oldSizeBytes: 1,
  newSizeBytes: 2,
  ...more,
})

it('puts files under their folders, those of the root last', () => {
  const lines = arrangeFiles([file('package.json'), file('src/b.ts'), file('src/a/x.ts')])
  expect(lines.map((one) => one.name)).toEqual(['src', 'b.ts', 'src/a', 'x.ts', 'package.json'])
})

it('steps from file to file and stays at the ends', () => {
  const lines = arrangeFiles([file('a.ts'), file('src/b.ts')])
  expect(neighbour(lines, 'src/b.ts', 1)).toBe('a.ts')
  expect(neighbour(lines, 'a.ts', 1)).toBe('a.ts')
  expect(neighbour(lines, null, 1)).toBe('src/b.ts')
  expect(neighbour([], null, 1)).toBeNull()
})

it('says what happened besides the lines', () => {
  expect(sideFacts(file('b', { oldPath: 'a', status: 'renamed' }))).toEqual(['renamed from a'])
  expect(sideFacts(file('b', { newMode: '100755' }))).toEqual(['mode 100644 → 100755, now executable'])
  expect(statusWord(file('b', { status: 'added' }))).toBe('new')
})
