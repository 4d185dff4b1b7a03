import { useEffect, useState } from 'react'
import { useConnection } from '../client/access.tsx'
import { type Address, formatAddress } from '../format/address.ts'
import { useOverlay } from '../stores/overlay.ts'
import { useKeyActions } from '../ui/keyboard.tsx'
import { lazyPart } from '../ui/lazy-part.tsx'
import { navigate } from '../ui/navigate.ts'
import { useNow } from '../ui/use-now.ts'
import { Conditions } from './Conditions.tsx'
import { ErrorBoundary } from './ErrorBoundary.tsx'
import { Foot } from './Foot.tsx'
import { screens } from './key-table.ts'
import { Notices } from './Notices.tsx'
import { OfflineStrip } from './OfflineStrip.tsx'
import { Rail } from './Rail.tsx'
import { preloadScreens, Screen } from './Screens.tsx'
import { TitleStrip, useOverview } from './TitleStrip.tsx'
import { useTheme } from './theme.ts'
import { useAddress } from './use-address.ts'

const Layers = lazyPart(() => import('./Layers.tsx').then((it) => it.Layers))

/** The window: strip, rail, screen, foot, and the layers above them. */
export function Frame() {
  useTheme()
  useGlobalKeys()
  const overview = useOverview()
  const address = useAddress()
  const nowMs = useNow(10_000)
  useFirstAddress(overview.data?.isFirstRun)
  const hasRest = useRest()
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
      {hasRest && <Layers />}
    </div>
  )
}

/** Fetches what the first screen does not need as soon as there is time; true once layers are due, at once when one is asked for. */
function useRest(): boolean {
  const [isIdle, setIdle] = useState(false)
  const isAsked = useOverlay((state) => state.overlay.kind !== 'none')
  useEffect(() => {
    const wait = requestIdleCallback(
      () => {
        setIdle(true)
        preloadScreens()
      },
      { timeout: 2000 },
    )
    return () => cancelIdleCallback(wait)
  }, [])
  useEffect(() => {
    if (isAsked) setIdle(true)
  }, [isAsked])
  return isIdle || isAsked
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
  navigate(startOf(screen))
}

/** The address with which a screen begins: nothing picked, all sessions. */
function startOf(screen: (typeof screens)[number]): Address {
  switch (screen) {
    case 'audit':
      return { screen, chain: null }
    case 'processes':
      return { screen, pid: null }
    case 'authority':
    case 'models':
      return { screen, sessionId: null }
    default:
      return { screen }
  }
}
