import { BrowserWindow, dialog } from 'electron'

/** Asks for a folder in the system's dialog, above the console's window; null when nothing was picked. */
export async function chooseFolder(): Promise<string | null> {
  const owner = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0]
  const options = { title: 'Choose a repository', properties: ['openDirectory' as const] }
  const { filePaths } = await (owner ? dialog.showOpenDialog(owner, options) : dialog.showOpenDialog(options))
  return filePaths[0] ?? null
}
