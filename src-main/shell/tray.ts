import { join } from 'node:path'
import { Menu, nativeImage, Tray } from 'electron'
import { type TrayAction, type TrayStatus, trayLines, traySentence } from './tray-menu.ts'

/** The icon in the tray. */
export interface TrayIcon {
  show(status: TrayStatus): void
  close(): void
}

/** Creates the tray icon: state, running count, pause, drain, quit. No feature needs it: some desktops show no tray. */
export function createTray(iconFolder: string, act: (action: TrayAction) => void): TrayIcon {
  const tray = new Tray(nativeImage.createFromPath(join(iconFolder, 'tray.png')))
  tray.on('click', () => act('open'))
  tray.setToolTip('Signalbox')
  return {
    show(status) {
      tray.setToolTip(traySentence(status))
      const lines = trayLines(status).map((line) => {
        if (line === null) return { type: 'separator' as const }
        const { label, action, isEnabled } = line
        return action === undefined
          ? { label, enabled: isEnabled }
          : { label, enabled: isEnabled, click: () => act(action) }
      })
      tray.setContextMenu(Menu.buildFromTemplate(lines))
    },
    close: () => tray.destroy(),
  }
}
