import type { ChangedFile } from '@contract/workarea.ts'
import { splitPath } from '../../format/visible-text.ts'

/** One line of the files column: a folder's name, or a file under it. */
export type FileLine =
  | { readonly kind: 'folder'; readonly key: string; readonly name: string }
  | {
      readonly kind: 'file'
      readonly key: string
      readonly name: string
      readonly file: ChangedFile
      readonly isInFolder: boolean
    }

/** Files under the folder that holds them, in path order; those of the root come last, as they stand. */
export function arrangeFiles(files: readonly ChangedFile[]): readonly FileLine[] {
  const folders = new Map<string, ChangedFile[]>()
  for (const file of files) {
    const { folder } = splitPath(file.path)
    const there = folders.get(folder)
    if (there) there.push(file)
    else folders.set(folder, [file])
  }
  const names = [...folders.keys()].sort((a, b) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
  return names.flatMap((folder): FileLine[] => {
    const inside = folders.get(folder) ?? []
    const lines = inside.map(
      (file): FileLine => ({
        kind: 'file',
        key: file.path,
        name: splitPath(file.path).name,
        file,
        isInFolder: folder !== '',
      }),
    )
    return folder === ''
      ? lines
      : [{ kind: 'folder', key: `${folder}/`, name: folder.slice(0, -1) }, ...lines]
  })
}

/** The file `step` places after `path`, in the order shown; the nearest end when there is none. */
export function neighbour(lines: readonly FileLine[], path: string | null, step: number): string | null {
  const files = lines.filter((line) => line.kind === 'file')
  const at = files.findIndex((line) => line.key === path)
  const next = files[Math.max(0, Math.min(files.length - 1, at + step))]
  return next?.key ?? null
}

const statusWords: Readonly<Record<ChangedFile['status'], string>> = {
  added: 'new',
  modified: '',
  deleted: 'deleted',
  renamed: 'renamed',
  copied: 'copied',
  'type-changed': 'type changed',
  conflicted: 'conflict',
}

/** The word beside a file; a plain change needs none. */
export function statusWord(file: ChangedFile): string {
  return statusWords[file.status]
}

/** What a file's change is besides its lines: rename, mode, as sentences without a full stop. */
export function sideFacts(file: ChangedFile): readonly string[] {
  const facts: string[] = []
  if (file.oldPath !== null && file.oldPath !== file.path)
    facts.push(`${file.status === 'copied' ? 'copied' : 'renamed'} from ${file.oldPath}`)
  if (file.oldMode !== null && file.newMode !== null && file.oldMode !== file.newMode)
    facts.push(`mode ${file.oldMode} → ${file.newMode}${modeWord(file.newMode)}`)
  else if (file.newMode === '120000') facts.push('a symbolic link')
  else if (file.newMode === '160000') facts.push('a submodule')
  return facts
}

function modeWord(mode: string): string {
  if (mode === '100755') return ', now executable'
  return mode === '120000' ? ', now a symbolic link' : ''
}
