import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'

const editors = ['code', 'zed', 'cursor', 'codium', 'subl', 'idea'] as const

export interface OpenPowers {
  readonly env: Readonly<Partial<Record<string, string>>>
  readonly platform: NodeJS.Platform
}

/** Opens a folder with the system's file manager, or a path in the user's editor (the command set, else the first known one found). */
export async function openPath(
  path: string,
  what: 'folder' | 'editor',
  editorCommand: readonly string[] | null,
  powers: OpenPowers,
): Promise<void> {
  const [file, ...args] =
    what === 'folder' ? folderCommand(powers.platform) : (editorCommand ?? findEditor(powers.env))
  if (file === undefined)
    throw new SignalboxError(
      'not_found',
      { name: 'editor' },
      { message: 'No editor was found. Set its command in Settings.' },
    )
  await start(file, [...args, path])
}

function folderCommand(platform: NodeJS.Platform): readonly string[] {
  if (platform === 'darwin') return ['open']
  return platform === 'win32' ? ['explorer'] : ['xdg-open']
}

function findEditor(env: OpenPowers['env']): readonly string[] {
  const folders = (env.PATH ?? '').split(delimiter)
  const found = editors.find((name) =>
    folders.some((folder) => folder !== '' && isProgram(join(folder, name))),
  )
  return found === undefined ? [] : [found]
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function start(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], { detached: true, stdio: 'ignore' })
    child.once('error', (cause) =>
      reject(
        new SignalboxError(
          'not_found',
          { name: file },
          { message: `"${file}" could not be started.`, cause },
        ),
      ),
    )
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}
