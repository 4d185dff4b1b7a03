import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { useMemo } from 'react'
import { formatAddress, sessionAddress } from '../../format/address.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { formatAgo, formatMoment } from '../../format/duration.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { Button } from '../../ui/Button.tsx'
import { Chip } from '../../ui/Chip.tsx'
import { Foreign, ForeignBlock } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { derivedFrom, expiryText, isWide, originsOf, stateOf } from './authority.model.ts'
import { type Change, ChangeForm } from './ChangeForm.tsx'
import { holderOf, type Names, namesAmong, reasonOf, targetOf, whoOf } from './names.model.ts'
import type { Picked } from './shown.ts'

/** One capability in full, or what was refused, and what can be done about it. */
export function Inspector(props: {
  /** null when what was picked is gone. */
  picked: Picked | null
  all: readonly CapabilityRow[]
  isWhole: boolean
  isOffline: boolean
  nowMs: number
  change: Change | null
  onChange: (change: Change | null) => void
  /** It was changed. */
  onDone: () => void
  onPick: (id: number) => void
}) {
  const { picked, all, nowMs } = props
  const names = useMemo(() => namesAmong(all), [all])
  if (!picked) return <Gone />
  return (
    <aside className="inspector" aria-label="Selected capability">
      <div className="inspector-body">
        {picked.cap ? (
          <Capability {...props} cap={picked.cap} names={names} />
        ) : (
          <RefusedTitle refusals={picked.refusals} names={names} />
        )}
        {picked.beside.length > 1 && (
          <section className="inspector-part">
            <h3 className="section-title">All of it on this line</h3>
            {picked.beside.map((one) => (
              <CapLink
                key={one.id}
                cap={one}
                names={names}
                isCurrent={one.id === picked.cap?.id}
                onPick={props.onPick}
              />
            ))}
          </section>
        )}
        {picked.refusals.length > 0 && (
          <section className="inspector-part">
            <h3 className="section-title">Refused</h3>
            {picked.refusals.map((one) => (
              <Refusal key={`${one.pid} ${one.device}`} refusal={one} nowMs={nowMs} />
            ))}
          </section>
        )}
      </div>
      {picked.cap && props.change === null && (
        <Acts cap={picked.cap} isOffline={props.isOffline} onChange={props.onChange} />
      )}
    </aside>
  )
}

function Gone() {
  return (
    <aside className="inspector" aria-label="Selected capability">
      <div className="inspector-body">
        <h2 className="inspector-title">Gone</h2>
        <p className="muted small" role="status">
          It was revoked, it expired, or its holder has ended. Pick another one to go on.
        </p>
      </div>
    </aside>
  )
}

function Capability(props: Parameters<typeof Inspector>[0] & { cap: CapabilityRow; names: Names }) {
  const { cap, all, nowMs, change, names } = props
  const name = names.full(cap)
  return (
    <>
      <h2 className="inspector-title">
        {cap.kind !== 'device' && <span className="muted">{cap.kind} </span>}
        <Foreign text={name} max={200} />
      </h2>
      <p className="muted small cap-holder">
        held by <Holder one={cap} />
      </p>
      <div className="cap-state">
        <LampWord {...stateOf(cap, nowMs)} />
        {cap.rights.map((one) => (
          <Chip key={one}>{one}</Chip>
        ))}
      </div>
      {change && (
        <ChangeForm
          key={`${change} ${cap.id}`}
          change={change}
          cap={cap}
          all={all}
          isWhole={props.isWhole}
          isOffline={props.isOffline}
          onDone={props.onDone}
          onLeave={() => props.onChange(null)}
        />
      )}
      <section className="inspector-part">
        <dl className="pairs">
          {name !== cap.target && (
            <>
              <dt>{cap.kind === 'process' ? 'process' : 'device'}</dt>
              <dd>
                <Foreign className="mono selectable" text={cap.target} max={120} />
              </dd>
            </>
          )}
          <dt>uses</dt>
          <dd>{formatCount(cap.uses)}</dd>
          <dt>last used</dt>
          <dd>{cap.lastUsedAtMs === null ? 'never' : formatAgo(nowMs - cap.lastUsedAtMs)}</dd>
          <dt>ends</dt>
          <dd>
            {cap.expiresAtMs === null
              ? 'with its holder'
              : `${expiryText(cap, nowMs)}, ${formatMoment(cap.expiresAtMs)}`}
          </dd>
        </dl>
      </section>
      <Ancestry cap={cap} all={all} names={names} onPick={props.onPick} />
    </>
  )
}

/** Where it comes from, and what comes from it. */
function Ancestry(props: {
  cap: CapabilityRow
  all: readonly CapabilityRow[]
  names: Names
  onPick: (id: number) => void
}) {
  const { cap, all, names } = props
  const origins = originsOf(cap, all)
  const derived = derivedFrom(cap.id, all)
  return (
    <>
      <section className="inspector-part">
        <h3 className="section-title">Derived from</h3>
        {origins.length === 0 && (
          <p className="faint small">
            {cap.parentId === null ? 'Nothing: it is an original.' : 'Its origin is gone or not shown here.'}
          </p>
        )}
        {origins.map((one) => (
          <CapLink key={one.id} cap={one} names={names} onPick={props.onPick} />
        ))}
      </section>
      {derived.length > 0 && (
        <section className="inspector-part">
          <h3 className="section-title">
            {plural(derived.length, 'capability', 'capabilities')} derived from it
          </h3>
          {derived.slice(0, 8).map((one) => (
            <CapLink key={one.id} cap={one} names={names} onPick={props.onPick} />
          ))}
          {derived.length > 8 && <p className="faint small">{formatCount(derived.length - 8)} more</p>}
        </section>
      )}
    </>
  )
}

function Holder(props: { one: Pick<CapabilityRow, 'pid' | 'processName' | 'sessionId' | 'sessionTitle'> }) {
  const { one } = props
  return (
    <>
      {one.sessionId && (
        <>
          <a href={sessionAddress(one.sessionId, 'authority')}>
            <Foreign text={holderOf(one)} max={80} />
          </a>
          {' · '}
        </>
      )}
      <a href={formatAddress({ screen: 'processes', pid: one.pid })}>
        <Foreign text={shortProcessName(one.processName, one.sessionId)} max={50} /> {one.pid}
      </a>
    </>
  )
}

function CapLink(props: {
  cap: CapabilityRow
  names: Names
  isCurrent?: boolean
  onPick: (id: number) => void
}) {
  const { cap } = props
  return (
    <div className="line cap-link small">
      <button
        type="button"
        className="link cut"
        onClick={() => props.onPick(cap.id)}
        aria-current={props.isCurrent ?? false}
      >
        {cap.kind !== 'device' && <span className="faint">{cap.kind} </span>}
        <Foreign text={props.names.short(cap)} max={60} />
      </button>
      <span className="faint cut grow">
        <Foreign text={whoOf(cap)} max={40} /> {cap.pid}
      </span>
      <span className="faint num">{plural(cap.uses, 'use')}</span>
    </div>
  )
}

function RefusedTitle(props: { refusals: readonly RefusalRow[]; names: Names }) {
  const [first] = props.refusals
  if (!first) return null
  return (
    <>
      <h2 className="inspector-title">
        <Foreign text={props.names.full(targetOf(first))} max={200} />
      </h2>
      <p className="muted small cap-holder">
        not held by <Holder one={first} />
      </p>
    </>
  )
}

function Refusal(props: { refusal: RefusalRow; nowMs: number }) {
  const { refusal } = props
  return (
    <div className="cap-refusal small">
      <div className="line">
        <LampWord tone="danger" shape="square" word={`${plural(refusal.count, 'time')}`} />
        <span className="grow" />
        <span className="faint" title={formatMoment(refusal.lastAtMs)}>
          {formatAgo(props.nowMs - refusal.lastAtMs)}
        </span>
      </div>
      {refusal.what !== '' && <ForeignBlock className="mono cap-what-refused" text={refusal.what} />}
      <p className="muted">
        <Foreign text={reasonOf(refusal)} max={300} />
      </p>
    </div>
  )
}

function Acts(props: { cap: CapabilityRow; isOffline: boolean; onChange: (change: Change) => void }) {
  const { cap, isOffline, onChange } = props
  const canNarrow = isWide(cap)
  return (
    <div className="inspector-foot">
      <Button
        onPress={() => onChange('narrow')}
        isDisabled={isOffline || !canNarrow}
        hint={canNarrow ? 'Keep a part of it' : 'It names one thing: let it expire, or revoke it.'}
        action="authority.narrow"
      >
        Narrow
      </Button>
      <Button onPress={() => onChange('expire')} isDisabled={isOffline} action="authority.expire">
        Expire
      </Button>
      <Button
        kind="danger"
        onPress={() => onChange('revoke')}
        isDisabled={isOffline}
        action="authority.revoke"
      >
        Revoke
      </Button>
    </div>
  )
}
