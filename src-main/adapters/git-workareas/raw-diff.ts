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

/** Takes the fields of a diff one by one, so that a long list is parsed as it comes. */
export interface RawDiffParser {
  push(field: string): void
  end(): RawChange[]
}

type Draft = { -readonly [Key in keyof RawChange['file']]: RawChange['file'][Key] }

/** Parses raw records followed by numstat records. Fields are latin1 bytes; what makes no sense is passed over. */
export function createRawDiffParser(): RawDiffParser {
  const changes: RawChange[] = []
  const drafts = new Map<string, Draft>()
  /** A record that waits for its names, and how many are still to come. */
  let record: string[] = []
  let missing = 0

  function finish([head = '', ...names]: readonly string[]): void {
    if (!head.startsWith(':')) {
      const { 1: insertions, 2: deletions, 3: name = '' } = numstat.exec(head) ?? []
      const draft = drafts.get(shownName(name === '' ? (names[1] ?? '') : name))
      if (draft === undefined) return
      draft.insertions = lineCount(insertions)
      draft.deletions = lineCount(deletions)
      draft.isBinary = draft.insertions === null
      return
    }
    const [oldMode = '', newMode = '', oldOid = '', newOid = '', word = ''] = head.slice(1).split(' ')
    const [first = '', second = first] = names
    const file: Draft = draftOf({ oldMode, newMode, word, first, second })
    drafts.set(file.path, file)
    changes.push({ file, oldOid: realOid(oldOid), newOid: realOid(newOid) })
  }

  return {
    push(field) {
      if (missing === 0) {
        missing = namesAfter(field)
        if (missing < 0) missing = 0
        else if (missing === 0) finish([field])
        else record = [field]
        return
      }
      record.push(field)
      missing -= 1
      if (missing === 0) finish(record)
    },
    end() {
      // Cut off in the middle: what is known is told, as far as it goes.
      if (missing > 0) finish(record)
      missing = 0
      return changes
    },
  }
}

const numstat = /^(\d+|-)\t(\d+|-)\t(.*)$/s

/** How many names follow a field that begins a record; -1 when it begins none. */
function namesAfter(field: string): number {
  if (field.startsWith(':')) return /^[RC]/.test(field.split(' ')[4] ?? '') ? 2 : 1
  const numbers = numstat.exec(field)
  if (numbers === null) return -1
  return numbers[3] === '' ? 2 : 0
}

function lineCount(text: string | undefined): number | null {
  return text === undefined || text === '-' ? null : Number(text)
}

interface RawFields {
  readonly oldMode: string
  readonly newMode: string
  readonly word: string
  readonly first: string
  readonly second: string
}

const realOid = (oid: string) => (/[1-9a-f]/.test(oid) ? oid : null)
const realMode = (mode: string) => (/^[0-7]{6}$/.test(mode) && mode !== '000000' ? mode : null)

function draftOf(fields: RawFields): Draft {
  return {
    path: shownName(fields.second),
    oldPath: fields.first === fields.second ? null : shownName(fields.first),
    status: statuses[fields.word.charAt(0)] ?? 'modified',
    insertions: null,
    deletions: null,
    isBinary: false,
    oldMode: realMode(fields.oldMode),
    newMode: realMode(fields.newMode),
  }
}
