import type { ReactNode } from 'react'

/** A flag, or a choice when it can be pressed. */
export function Chip(props: {
  children: ReactNode
  isOn?: boolean
  tone?: 'caution' | 'danger'
  hint?: string
  onPress?: () => void
}) {
  const name = `chip ${props.tone ?? ''}`
  if (!props.onPress)
    return (
      <span className={name} title={props.hint}>
        <span className="cut">{props.children}</span>
      </span>
    )
  return (
    <button
      type="button"
      className={name}
      aria-pressed={props.isOn ?? false}
      title={props.hint}
      onClick={props.onPress}
    >
      {props.children}
    </button>
  )
}

/** A chip that opens a choice: a native list, so that it works everywhere by keyboard. */
export function ChoiceChip<T extends string>(props: {
  label: string
  value: T
  choices: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}) {
  const shown = props.choices.find(([value]) => value === props.value)?.[1] ?? props.value
  return (
    <span className="chip choice-chip">
      <span aria-hidden="true">
        {props.label}: {shown}
      </span>
      <select
        aria-label={props.label}
        value={props.value}
        onChange={(event) => {
          const picked = props.choices.find(([value]) => value === event.target.value)
          if (picked) props.onChange(picked[0])
        }}
      >
        {props.choices.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </span>
  )
}
