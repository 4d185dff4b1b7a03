import type { ReactElement } from 'react'

export type LampTone = 'clear' | 'caution' | 'danger' | 'idle' | 'accent'
export type LampShape = 'disc' | 'tick' | 'triangle' | 'square' | 'ring' | 'ring-dot'

const shapes: Readonly<Record<LampShape, ReactElement>> = {
  disc: <circle cx="6" cy="6" r="4" fill="currentColor" />,
  tick: <path d="M2 6.4 4.8 9 10 3.2" fill="none" stroke="currentColor" strokeWidth="1.7" />,
  triangle: <path d="M6 1.6 11 10.4H1z" fill="currentColor" />,
  square: <rect x="2" y="2" width="8" height="8" fill="currentColor" />,
  ring: <circle cx="6" cy="6" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  'ring-dot': (
    <>
      <circle cx="6" cy="6" r="4.1" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <circle cx="6" cy="6" r="1.7" fill="currentColor" />
    </>
  ),
}

/** A state as colour and shape. The word stands beside it, or is given as `label` where there is no room. */
export function Lamp(props: {
  tone: LampTone
  shape: LampShape
  label?: string
  size?: number
  blinks?: boolean
}) {
  const size = props.size ?? 12
  const name = `lamp ${props.tone}${props.blinks ? ' blink' : ''}`
  const common = { className: name, width: size, height: size, viewBox: '0 0 12 12' }
  if (props.label === undefined)
    return (
      <svg {...common} aria-hidden="true">
        {shapes[props.shape]}
      </svg>
    )
  return (
    <svg {...common} role="img" aria-label={props.label}>
      {shapes[props.shape]}
    </svg>
  )
}

const textTones: Readonly<Partial<Record<LampTone, string>>> = {
  caution: 'caution-text',
  danger: 'danger-text',
}

/** Lamp with its word, as rows show it. Only what needs a person, or failed, colours the word too. */
export function LampWord(props: { tone: LampTone; shape: LampShape; word: string; blinks?: boolean }) {
  return (
    <span className="line">
      <Lamp tone={props.tone} shape={props.shape} blinks={props.blinks ?? false} />
      <span className={`cut ${textTones[props.tone] ?? 'muted'}`}>{props.word}</span>
    </span>
  )
}
