import { FleetScreen } from '../features/fleet/FleetScreen.tsx'
import type { Address } from '../format/address.ts'
import { EmptyState } from '../ui/Loadable.tsx'
import { lazyPart } from '../ui/lazy-part.tsx'

// The fleet is what most windows open with; every other screen comes when it is asked for, or when nothing else is to do.
const AgentsScreen = lazyPart(() =>
  import('../features/agents/AgentsScreen.tsx').then((it) => it.AgentsScreen),
)
const ApprovalsScreen = lazyPart(() =>
  import('../features/approvals/ApprovalsScreen.tsx').then((it) => it.ApprovalsScreen),
)
const AuditScreen = lazyPart(() => import('../features/audit/AuditScreen.tsx').then((it) => it.AuditScreen))
const AuthorityScreen = lazyPart(() =>
  import('../features/authority/AuthorityScreen.tsx').then((it) => it.AuthorityScreen),
)
const CostScreen = lazyPart(() => import('../features/cost/CostScreen.tsx').then((it) => it.CostScreen))
const FirstRunScreen = lazyPart(() =>
  import('../features/first-run/FirstRunScreen.tsx').then((it) => it.FirstRunScreen),
)
const ModelsScreen = lazyPart(() =>
  import('../features/models/ModelsScreen.tsx').then((it) => it.ModelsScreen),
)
const ProcessesScreen = lazyPart(() =>
  import('../features/processes/ProcessesScreen.tsx').then((it) => it.ProcessesScreen),
)
const SessionAuthority = lazyPart(() =>
  import('../features/authority/SessionAuthority.tsx').then((it) => it.SessionAuthority),
)
const SessionCalls = lazyPart(() =>
  import('../features/models/SessionCalls.tsx').then((it) => it.SessionCalls),
)
const SessionProcesses = lazyPart(() =>
  import('../features/processes/SessionProcesses.tsx').then((it) => it.SessionProcesses),
)
const ReviewPane = lazyPart(() => import('../features/review/ReviewPane.tsx').then((it) => it.ReviewPane))
const SessionScreen = lazyPart(() =>
  import('../features/session/SessionScreen.tsx').then((it) => it.SessionScreen),
)
const SettingsScreen = lazyPart(() =>
  import('../features/settings/SettingsScreen.tsx').then((it) => it.SettingsScreen),
)
const StorageScreen = lazyPart(() =>
  import('../features/storage/StorageScreen.tsx').then((it) => it.StorageScreen),
)

/** Fetches the code of what the next click most likely shows, so that it is there at once. */
export function preloadScreens(): void {
  for (const screen of [SessionScreen, ReviewPane, ApprovalsScreen]) screen.preload()
}

const places: Readonly<Partial<Record<Address['screen'], readonly { preload(): void }[]>>> = {
  agents: [AgentsScreen],
  processes: [ProcessesScreen],
  authority: [AuthorityScreen],
  models: [ModelsScreen],
  audit: [AuditScreen],
  storage: [StorageScreen],
  cost: [CostScreen],
  settings: [SettingsScreen],
}

/**
 * Fetches the code of one screen, when the pointer or the focus is on the way to it. What nobody goes to is not loaded;
 * with the charts it was half as much code again as the first screen's.
 */
export function preloadScreen(screen: Address['screen']): void {
  for (const part of places[screen] ?? []) part.preload()
}

/** The screen of an address. Features do not know each other; where one shows inside another, it is put together here. */
export function Screen(props: { address: Address | undefined }) {
  const { address } = props
  if (!address)
    return (
      <>
        <h1 className="unseen">No such place</h1>
        <EmptyState title="There is nothing at this address." text="It may have been removed.">
          <a href="#/fleet">Back to the fleet</a>
        </EmptyState>
      </>
    )
  switch (address.screen) {
    case 'fleet':
    case 'queue':
      return <FleetScreen key={address.screen} isQueue={address.screen === 'queue'} />
    case 'needs-you':
      return <ApprovalsScreen />
    case 'agents':
      return <AgentsScreen />
    case 'processes':
      return <ProcessesScreen pid={address.pid} />
    case 'authority':
      return <AuthorityScreen sessionId={address.sessionId} />
    case 'models':
      return <ModelsScreen sessionId={address.sessionId} />
    case 'cost':
      return <CostScreen />
    case 'storage':
      return <StorageScreen />
    case 'settings':
      return <SettingsScreen />
    case 'first-run':
      return <FirstRunScreen />
    case 'audit':
      return <AuditScreen key={address.chain ?? ''} chain={address.chain} />
    case 'session':
      return (
        <SessionScreen
          key={address.sessionId}
          sessionId={address.sessionId}
          tab={address.tab}
          review={<ReviewPane sessionId={address.sessionId} />}
          processes={<SessionProcesses sessionId={address.sessionId} />}
          authority={<SessionAuthority sessionId={address.sessionId} />}
          calls={<SessionCalls sessionId={address.sessionId} />}
        />
      )
  }
}
