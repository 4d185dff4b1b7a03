import { useEffect, useRef, useState } from 'react'
import { formatAge } from '../format/duration.ts'
import { visibleLine } from '../format/visible-text.ts'
import { Button } from './Button.tsx'
import { Foreign } from './Foreign.tsx'
import { useKeyActions } from './keyboard.tsx'
import { Lamp } from './Lamp.tsx'

interface AskOption {
  readonly id: string
  readonly kind: 'allow_once' | 'allow_always' | 'reject_once' | 'reject_always'
  readonly label: string
}
/** A question as the card needs it. All strings are foreign. */
export interface AskView {
  readonly id: string
  readonly title: string
  readonly command: readonly string[] | null
  readonly paths: readonly string[]
  readonly hosts: readonly string[]
  readonly why: string
  readonly options: readonly AskOption[]
  readonly askedAtMs: number
  readonly expiresAtMs: number | null
}

const words: Readonly<Record<AskOption['kind'], string>> = {
  allow_once: 'Allow once',
  allow_always: 'For this session',
  reject_once: 'Deny',
  reject_always: 'Deny always',
}

/** A word of a command line as it could be typed; quoting shows where one argument ends. */
export function quoteWord(word: string): string {
  const shown = visibleLine(word)
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`
}

/**
 * One question with its answers. Allowing takes two steps by key: `Y` arms, `Y` or Enter then confirms; Escape disarms.
 * Nothing here takes the focus by itself. `arming` counts up when a key outside asks to arm.
 */
export function AskCard(props: {
  ask: AskView
  nowMs: number
  arming?: number
  isBusy: boolean
  blocked?: string | null
  onAnswer: (optionId: string) => void
}) {
  const { ask, arming = 0 } = props
  const [armed, setArmed] = useState<string | null>(null)
  const card = useRef<HTMLDivElement>(null)
  const once =
    ask.options.find((one) => one.kind === 'allow_once') ??
    ask.options.find((one) => one.kind === 'allow_always')
  const deny =
    ask.options.find((one) => one.kind === 'reject_once') ??
    ask.options.find((one) => one.kind === 'reject_always')
  const arm = () => {
    if (!once || props.isBusy) return
    card.current?.focus()
    setArmed(once.id)
  }
  const armRef = useRef(arm)
  armRef.current = arm
  useEffect(() => {
    if (arming > 0) armRef.current()
  }, [arming])
  const confirm = () => {
    if (armed === null) return
    setArmed(null)
    props.onAnswer(armed)
  }
  return (
    <div
      className="ask"
      ref={card}
      tabIndex={-1}
      data-key-scope="ask"
      role="group"
      aria-label={`Question: ${visibleLine(ask.title)}`}
    >
      <AskKeys
        onYes={() => (armed ? confirm() : arm())}
        onConfirm={armed ? confirm : undefined}
        onDeny={deny ? () => props.onAnswer(deny.id) : undefined}
        onLeave={armed ? () => setArmed(null) : undefined}
      />
      <AskBody ask={ask} nowMs={props.nowMs} />
      <div className="ask-actions">
        {ask.options.map((option) => (
          <AnswerButton
            key={option.id}
            option={option}
            isArmed={armed === option.id}
            isFirst={option === once || option === deny}
            isDisabled={props.isBusy || Boolean(props.blocked)}
            onPress={() => props.onAnswer(option.id)}
          />
        ))}
        {armed && (
          <span className="caution-text tiny" role="status">
            Press Y or Enter to allow, Esc to leave it
          </span>
        )}
        {props.blocked && <span className="faint tiny">{props.blocked}</span>}
      </div>
    </div>
  )
}

function AskKeys(props: {
  onYes: () => void
  onConfirm: (() => void) | undefined
  onDeny: (() => void) | undefined
  onLeave: (() => void) | undefined
}) {
  useKeyActions({
    'ask.allow': props.onYes,
    'ask.confirm': props.onConfirm,
    'ask.deny': props.onDeny,
    'ask.leave': props.onLeave,
  })
  return null
}

function AskBody(props: { ask: AskView; nowMs: number }) {
  const { ask, nowMs } = props
  const left = ask.expiresAtMs === null ? '' : ` · ${formatAge(ask.expiresAtMs - nowMs)} left`
  return (
    <>
      <div className="ask-head">
        <Lamp tone="caution" shape="triangle" blinks />
        <span className="strong grow cut">
          {ask.command ? 'May it run this?' : <Foreign text={ask.title} max={200} />}
        </span>
        <span className="faint tiny">
          {formatAge(nowMs - ask.askedAtMs)} ago{left}
        </span>
      </div>
      {ask.command && <pre>{ask.command.map(quoteWord).join(' ')}</pre>}
      {ask.paths.length > 0 && <pre>{ask.paths.map(visibleLine).join('\n')}</pre>}
      {ask.hosts.length > 0 && (
        <p className="ask-why">
          Reaches{' '}
          <strong>
            <Foreign text={ask.hosts.join(', ')} max={300} />
          </strong>
        </p>
      )}
      {ask.why && (
        <p className="ask-why">
          <Foreign text={ask.why} max={600} />
        </p>
      )}
    </>
  )
}

function AnswerButton(props: {
  option: AskOption
  isArmed: boolean
  isFirst: boolean
  isDisabled: boolean
  onPress: () => void
}) {
  const { option } = props
  const isDeny = option.kind.startsWith('reject')
  const action = props.isFirst ? { action: isDeny ? 'ask.deny' : 'ask.allow' } : {}
  return (
    <Button
      kind={isDeny ? 'danger' : 'plain'}
      className={props.isArmed ? 'armed' : ''}
      hint={visibleLine(option.label).slice(0, 200)}
      isDisabled={props.isDisabled}
      onPress={props.onPress}
      {...action}
    >
      {words[option.kind]}
    </Button>
  )
}
