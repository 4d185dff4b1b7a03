import { AgentsScreen } from '../features/agents/AgentsScreen.tsx'
import { ApprovalsScreen } from '../features/approvals/ApprovalsScreen.tsx'
import { AuditScreen } from '../features/audit/AuditScreen.tsx'
import { FirstRunScreen } from '../features/first-run/FirstRunScreen.tsx'
import { FleetScreen } from '../features/fleet/FleetScreen.tsx'
import { ReviewPane } from '../features/review/ReviewPane.tsx'
import { SessionScreen } from '../features/session/SessionScreen.tsx'
import { SettingsScreen } from '../features/settings/SettingsScreen.tsx'
import { StorageScreen } from '../features/storage/StorageScreen.tsx'
import type { Address } from '../format/address.ts'
import { EmptyState } from '../ui/Loadable.tsx'

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
        />
      )
  }
}
