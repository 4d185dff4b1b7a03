import type { ReactNode, Ref } from 'react'
import { KeyOf } from './keyboard.tsx'

/** A verb to press. With `action`, its key is shown and told to screen readers. */
export function Button(props: {
  children: ReactNode
  onPress: () => void
  kind?: 'plain' | 'primary' | 'quiet' | 'danger'
  size?: 'normal' | 'large'
  action?: string
  isDisabled?: boolean
  /** Said on hover; where the button is disabled, the reason. */
  hint?: string
  label?: string
  className?: string
  ref?: Ref<HTMLButtonElement>
}) {
  const kind = props.kind ?? 'plain'
  const size = props.size === 'large' ? ' large' : ''
  return (
    <button
      type="button"
      ref={props.ref}
      className={`button ${kind}${size} ${props.className ?? ''}`}
      onClick={props.onPress}
      disabled={props.isDisabled}
      title={props.hint}
      aria-label={props.label}
    >
      {props.children}
      {props.action && <KeyOf action={props.action} />}
    </button>
  )
}
