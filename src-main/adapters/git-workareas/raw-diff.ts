import type { ChangedFile, FileStatus } from '../../contract/workarea.ts'
import { shownName } from './git-calls.ts'

/** One entry of `git diff-tree --raw --numstat -z`, with the object names that the contract does not carry. */
export interface RawChange {
  readonly file: Omit<ChangedFile, 'oldSizeBytes' | 'newSizeBytes'>
  readonly oldOid: string | null
  readonly newOid: string | null
}

const statuses: Readonly<Record<string, FileStatus>> = {
  A: 'added',
  C: 'copied',
  D: 'deleted',
  M: 'modified',
  R: 'renamed',
  T: 'type-changed',
  U: 'conflicted',
}

interface Counted {
  readonly insertions: number | null
  readonly deletions: number | null
}

/** Parses raw records followed by numstat records. Fields are latin1 bytes; what makes no sense is passed over. */
export function parseRawDiff(fields: readonly string[]): RawChange[] {
  const changes: RawChange[] = []
  const counted = new Map<string, Counted>()
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at] ?? ''
    if (field.startsWith(':')) {
      const [oldMode = '', newMode = '', oldOid = '', newOid = '', word = ''] = field.slice(1).split(' ')
      const hasTwo = word.startsWith('R') || word.startsWith('C')
      const first = fields[at + 1] ?? ''
      const second = hasTwo ? (fields[at + 2] ?? '') : first
      at += hasTwo ? 2 : 1
      changes.push(rawChange({ oldMode, newMode, oldOid, newOid, word, first, second }))
      continue
    }
    const numbers = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(field)
    if (numbers === null) continue
    let path = numbers[3] ?? ''
    if (path === '') {
      path = fields[at + 2] ?? ''
      at += 2
    }
    counted.set(shownName(path), { insertions: lineCount(numbers[1]), deletions: lineCount(numbers[2]) })
  }
  return changes.map((change) => withCounts(change, counted.get(change.file.path)))
}

function lineCount(text: string | undefined): number | null {
  return text === undefined || text === '-' ? null : Number(text)
}

interface RawFields {
  readonly oldMode: string
  readonly newMode: string
  readonly oldOid: string
  readonly newOid: string
  readonly word: string
  readonly first: string
  readonly second: string
}

function rawChange(fields: RawFields): RawChange {
  const isReal = (oid: string) => /[1-9a-f]/.test(oid)
  const isMode = (mode: string) => /^[0-7]{6}$/.test(mode) && mode !== '000000'
  return {
    file: {
      path: shownName(fields.second),
      oldPath: fields.first === fields.second ? null : shownName(fields.first),
      status: statuses[fields.word.charAt(0)] ?? 'modified',
      insertions: null,
      deletions: null,
      isBinary: false,
      oldMode: isMode(fields.oldMode) ? fields.oldMode : null,
      newMode: isMode(fields.newMode) ? fields.newMode : null,
    },
    oldOid: isReal(fields.oldOid) ? fields.oldOid : null,
    newOid: isReal(fields.newOid) ? fields.newOid : null,
  }
}

function withCounts(change: RawChange, counted: Counted | undefined): RawChange {
  if (counted === undefined) return change
  const isBinary = counted.insertions === null
  return { ...change, file: { ...change.file, ...counted, isBinary } }
}
