import type { SessionDetail } from '@contract/session.ts'
import type { ReactNode } from 'react'
import { isLive, isOpen } from '../../client/session-state.ts'
import type { SessionTab } from '../../format/address.ts'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { Loadable } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { Tabs } from '../../ui/Tabs.tsx'
import { useNow } from '../../ui/use-now.ts'
import { ActivityList } from './ActivityList.tsx'
import { Composer } from './Composer.tsx'
import { Header } from './Header.tsx'
import { useSession } from './queries.ts'
import { AuthorityTab, ChainTab, RoutingTab } from './SideTabs.tsx'
import './session.css'

const tabs: readonly (readonly [SessionTab, string])[] = [
  ['activity', 'Activity'],
  ['processes', 'Processes'],
  ['authority', 'Authority'],
  ['models', 'Model calls'],
  ['routing', 'Routing'],
  ['chain', 'Chain'],
]

/** What other features show of a session; put in by the frame. */
interface Parts {
  readonly review: ReactNode
  readonly processes: ReactNode
  readonly authority: ReactNode
  readonly calls: ReactNode
}

/** One session: what it does at the left, what it changed at the right. */
export function SessionScreen(props: { sessionId: string; tab: SessionTab } & Parts) {
  const { sessionId } = props
  useScreenScope('session')
  const session = useSession(sessionId)
  return (
    <>
      {!session.data && <h1 className="unseen">Session</h1>}
      <Loadable of={session} rows={10}>
        {(detail) => <Body {...props} detail={detail} />}
      </Loadable>
    </>
  )
}

function Body(props: { detail: SessionDetail; tab: SessionTab } & Parts) {
  const { detail, tab } = props
  const nowMs = useNow(1000, isLive(detail.row) || isOpen(detail.row))
  return (
    <div className="session">
      <Header detail={detail} nowMs={nowMs} />
      <div className="session-middle">
        <div className="session-left">
          <div className="pane-head">
            <Tabs
              label="About this session"
              idBase="session"
              value={tab}
              tabs={tabs}
              onChange={(value) => navigate({ screen: 'session', sessionId: detail.row.id, tab: value })}
            />
          </div>
          <div
            className="session-panel"
            role="tabpanel"
            id="session-panel"
            aria-labelledby={`session-${tab}`}
          >
            {tab === 'activity' && <ActivityList detail={detail} nowMs={nowMs} />}
            {tab === 'processes' && props.processes}
            {tab === 'authority' && <AuthorityTab detail={detail} nowMs={nowMs} held={props.authority} />}
            {tab === 'models' && props.calls}
            {tab === 'routing' && <RoutingTab detail={detail} />}
            {tab === 'chain' && <ChainTab sessionId={detail.row.id} />}
          </div>
          {tab === 'activity' && <Composer detail={detail} />}
        </div>
        {props.review}
      </div>
    </div>
  )
}
