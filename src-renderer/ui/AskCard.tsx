import { useEffect, useRef, useState } from 'react'
import { formatAge } from '../format/duration.ts'
import { quoteWord, visibleLine } from '../format/visible-text.ts'
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

function optionOf(options: readonly AskOption[], verb: 'allow' | 'reject'): AskOption | undefined {
  return (
    options.find((one) => one.kind === `${verb}_once`) ?? options.find((one) => one.kind === `${verb}_always`)
  )
}

interface AskCardProps {
  readonly ask: AskView
  readonly nowMs: number
  /** Counts up each time a key outside asks to arm. */
  readonly arming?: number
  readonly isBusy: boolean
  /** Why nothing can be answered now. */
  readonly blocked?: string | null
  /** Without a box of its own, among other steps. */
  readonly isBare?: boolean
  readonly onAnswer: (optionId: string) => void
}

/** Arming, as a state of the card: it ends when the card loses the focus, so that no stray key confirms. */
function useArming(props: AskCardProps, once: AskOption | undefined) {
  const [isArmed, setArmed] = useState(false)
  const card = useRef<HTMLFieldSetElement>(null)
  const canAnswer = !props.isBusy && !props.blocked
  const arm = () => {
    if (!once || !canAnswer) return
    card.current?.focus()
    setArmed(true)
  }
  const armRef = useRef(arm)
  armRef.current = arm
  const { arming = 0 } = props
  useEffect(() => {
    if (arming > 0) armRef.current()
  }, [arming])
  const confirm = () => {
    if (!isArmed || !once || !canAnswer) return
    setArmed(false)
    props.onAnswer(once.id)
  }
  return { card, isArmed: isArmed && canAnswer, arm, confirm, disarm: () => setArmed(false) }
}

/**
 * One question with its answers. Allowing takes two steps by key: `Y` arms, `Y` or Enter then confirms; Escape disarms.
 * The keys belong to the card that has the focus, and nothing here takes the focus by itself.
 */
export function AskCard(props: AskCardProps) {
  const { ask } = props
  const once = optionOf(ask.options, 'allow')
  const deny = optionOf(ask.options, 'reject')
  const [isFocused, setFocused] = useState(false)
  const { card, isArmed, arm, confirm, disarm } = useArming(props, once)
  const isBlocked = props.isBusy || Boolean(props.blocked)
  useKeyActions({
    'ask.allow': isFocused ? () => (isArmed ? confirm() : arm()) : undefined,
    'ask.confirm': isFocused && isArmed ? confirm : undefined,
    'ask.deny': isFocused && deny && !isBlocked ? () => props.onAnswer(deny.id) : undefined,
    'ask.leave': isFocused && isArmed ? disarm : undefined,
  })
  return (
    <fieldset
      className={`ask${props.isBare ? ' bare' : ''}`}
      ref={card}
      tabIndex={-1}
      data-key-scope="ask"
      aria-label={`Question: ${visibleLine(ask.title)}`}
      onFocus={() => setFocused(true)}
      onBlur={(event) => {
        if (event.currentTarget.contains(event.relatedTarget)) return
        setFocused(false)
        disarm()
      }}
    >
      <AskBody ask={ask} nowMs={props.nowMs} />
      <div className="ask-actions">
        {ask.options.map((option) => (
          <AnswerButton
            key={option.id}
            option={option}
            isArmed={isArmed && option === once}
            isFirst={option === once || option === deny}
            isDisabled={isBlocked}
            onPress={() => props.onAnswer(option.id)}
          />
        ))}
      </div>
      {isArmed && (
        <span className="caution-text tiny" role="status">
          Y or Enter allows it, Esc leaves it
        </span>
      )}
      {props.blocked && <span className="faint tiny">{props.blocked}</span>}
    </fieldset>
  )
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
