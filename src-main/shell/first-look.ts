import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { app, nativeTheme } from 'electron'
import { backgroundOf, firstLook, type Look, parseLook, rootAttributes } from './look.ts'

const lookFile = (): string => join(app.getPath('userData'), 'look.json')

function readLook(): Look {
  try {
    return parseLook(readFileSync(lookFile(), 'utf8'))
  } catch {
    return firstLook
  }
}

const desk = () => ({
  isDark: nativeTheme.shouldUseDarkColors,
  hasHighContrast: nativeTheme.shouldUseHighContrastColors,
})

/** Keeps how the page is to look, for the first frame of the next start: the journal is not open yet then. */
export function keepLook({ theme, density }: Look): void {
  const known = readLook()
  if (known.theme === theme && known.density === density) return
  try {
    writeFileSync(`${lookFile()}.new`, JSON.stringify({ theme, density }), { mode: 0o600 })
    renameSync(`${lookFile()}.new`, lookFile())
  } catch {
    // The next start then begins with another colour: not worth an error.
  }
}

/** What the page's first frame looks like: attributes of its root element, and the window's colour behind it. */
export function readFirstLook(): { readonly attributes: string; readonly background: string } {
  const look = readLook()
  return { attributes: rootAttributes(look, desk()), background: backgroundOf(look, desk()) }
}
