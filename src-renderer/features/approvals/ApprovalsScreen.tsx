import type { Ask } from '@contract/session.ts'
import { useEffect, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { sessionAddress } from '../../format/address.ts'
import { plural } from '../../format/amounts.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { AskCard } from '../../ui/AskCard.tsx'
import { Button } from '../../ui/Button.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { useNow } from '../../ui/use-now.ts'
import './approvals.css'

/** Everything that waits for a person, the longest waiting first. */
export function ApprovalsScreen() {
  const asks = useRead('fleet', 'asks', {})
  useScreenScope('needs-you')
  return (
    <div className="page">
      <Loadable of={asks} rows={6}>
        {(list) =>
          list.length === 0 ? (
            <>
              <h1 className="unseen">Needs you</h1>
              <EmptyState
                title="Nothing waits for you."
                text="Questions of agents stand here until you answer."
              />
            </>
          ) : (
            <Asks asks={list} />
          )
        }
      </Loadable>
    </div>
  )
}

function Asks(props: { asks: readonly Ask[] }) {
  const asks = [...props.asks].sort((a, b) => a.askedAtMs - b.askedAtMs)
  const [active, setActive] = useState<string | null>(null)
  const [arming, setArming] = useState(0)
  const at = Math.max(
    0,
    asks.findIndex((one) => one.id === active),
  )
  const go = (index: number) => {
    setArming(0)
    setActive(asks[Math.max(0, Math.min(asks.length - 1, index))]?.id ?? null)
  }
  const current = asks[at]
  useKeyActions({
    'needs-you.next': () => go(at + 1),
    'needs-you.previous': () => go(at - 1),
    'needs-you.allow': () => setArming((count) => count + 1),
    'needs-you.open': current && (() => (window.location.hash = sessionAddress(current.sessionId))),
  })
  return (
    <div className="page-inner">
      <h1 className="page-title">{plural(asks.length, 'question')} for you</h1>
      <p className="page-lead">
        Each session stands still until it is answered. Nothing is allowed by waiting.
      </p>
      <ol className="asks">
        {asks.map((ask, index) => (
          <AskRow
            key={ask.id}
            ask={ask}
            isActive={index === at}
            arming={index === at ? arming : 0}
            onFocus={() => setActive(ask.id)}
          />
        ))}
      </ol>
    </div>
  )
}

function AskRow(props: { ask: Ask; isActive: boolean; arming: number; onFocus: () => void }) {
  const { ask } = props
  const nowMs = useNow()
  const answer = useCommand('session', 'answer')
  const isOffline = useClient() === null
  const open = useOverlay((state) => state.open)
  const place = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (props.isActive) place.current?.scrollIntoView({ block: 'nearest' })
  }, [props.isActive])
  return (
    <li
      ref={place}
      className={`ask-row${props.isActive ? ' active' : ''}`}
      aria-current={props.isActive}
      onFocus={props.onFocus}
    >
      <div className="line small ask-row-head">
        <a className="strong cut" href={sessionAddress(ask.sessionId)}>
          <Foreign text={ask.sessionTitle} max={120} />
        </a>
        <span className="muted grow">{ask.agent}</span>
        <Button
          kind="danger"
          isDisabled={isOffline}
          onPress={() =>
            open({
              kind: 'confirm',
              verb: 'stop',
              sessions: [{ id: ask.sessionId, title: ask.sessionTitle }],
            })
          }
        >
          Stop session
        </Button>
      </div>
      <AskCard
        ask={ask}
        nowMs={nowMs}
        arming={props.arming}
        isBusy={answer.isRunning}
        blocked={isOffline ? 'The daemon does not answer.' : null}
        onAnswer={(optionId) => void answer.run({ askId: ask.id, optionId })}
      />
    </li>
  )
}
