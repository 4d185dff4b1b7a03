import { useEffect } from 'react'
import { useConnection } from '../client/access.tsx'
import { NewSessionSheet } from '../features/new-session/NewSessionSheet.tsx'
import { formatAddress } from '../format/address.ts'
import { useOverlay } from '../stores/overlay.ts'
import { useKeyActions } from '../ui/keyboard.tsx'
import { navigate } from '../ui/navigate.ts'
import { useNow } from '../ui/use-now.ts'
import { Conditions } from './Conditions.tsx'
import { ConfirmSessions } from './ConfirmSessions.tsx'
import { ErrorBoundary } from './ErrorBoundary.tsx'
import { Foot } from './Foot.tsx'
import { KeysDialog } from './KeysDialog.tsx'
import { screens } from './key-table.ts'
import { Notices } from './Notices.tsx'
import { OfflineStrip } from './OfflineStrip.tsx'
import { Palette } from './Palette.tsx'
import { Rail } from './Rail.tsx'
import { Screen } from './Screens.tsx'
import { TitleStrip, useOverview } from './TitleStrip.tsx'
import { useTheme } from './theme.ts'
import { useAddress } from './use-address.ts'
import './frame.css'

/** The window: strip, rail, screen, foot, and the layers above them. */
export function Frame() {
  useTheme()
  useGlobalKeys()
  const overview = useOverview()
  const address = useAddress()
  const nowMs = useNow(10_000)
  useFirstAddress(overview.data?.isFirstRun)
  const screen = address?.screen
  const isWide = screen === 'first-run' || screen === 'session'
  return (
    <div className="frame">
      <TitleStrip overview={overview} />
      <div>
        <OfflineStrip />
        <Conditions overview={overview} />
      </div>
      <div className={`frame-middle${isWide ? ' wide' : ''}`}>
        {!isWide && <Rail overview={overview} current={screen} />}
        <main>
          <ErrorBoundary resetKey={address ? formatAddress(address) : ''}>
            {window.location.hash !== '' && <Screen address={address} />}
          </ErrorBoundary>
        </main>
      </div>
      <Foot overview={overview} nowMs={nowMs} />
      <Notices />
      <Palette />
      <KeysDialog />
      <ConfirmSessions />
      <NewSessionSheet />
    </div>
  )
}

/** A window opened without an address starts with the first steps or with the fleet. */
function useFirstAddress(isFirstRun: boolean | undefined): void {
  const { phase } = useConnection()
  useEffect(() => {
    if (window.location.hash !== '') return
    if (isFirstRun === undefined && phase !== 'offline') return
    window.location.replace(isFirstRun ? '#/first-run' : '#/fleet')
  }, [isFirstRun, phase])
}

function useGlobalKeys(): void {
  const open = useOverlay((state) => state.open)
  const places = screens.map((screen): [string, () => void] => [`global.go-${screen}`, () => goTo(screen)])
  useKeyActions({
    'global.palette': () => open({ kind: 'palette' }),
    'global.keys': () => open({ kind: 'keys' }),
    'global.new': () => open({ kind: 'new-session', start: {} }),
    ...Object.fromEntries(places),
  })
}

function goTo(screen: (typeof screens)[number]): void {
  navigate(screen === 'audit' ? { screen, chain: null } : { screen })
}
