import { type ReactNode, useId } from 'react'

/** A labelled control; `children` gets the id that ties both together. */
export function Field(props: { label: string; hint?: ReactNode; children: (id: string) => ReactNode }) {
  const id = useId()
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {props.label}
      </label>
      {props.children(id)}
      {props.hint && <div className="faint tiny">{props.hint}</div>}
    </div>
  )
}

/** A native list of choices. */
export function Select<T extends string>(props: {
  id?: string
  label?: string
  value: T
  choices: readonly { readonly value: T; readonly text: string; readonly isDisabled?: boolean }[]
  onChange: (value: T) => void
}) {
  return (
    <select
      id={props.id}
      aria-label={props.label}
      className="input select"
      value={props.value}
      onChange={(event) => {
        const picked = props.choices.find(({ value }) => value === event.target.value)
        if (picked) props.onChange(picked.value)
      }}
    >
      {props.choices.map(({ value, text, isDisabled }) => (
        <option key={value} value={value} disabled={isDisabled ?? false}>
          {text}
        </option>
      ))}
    </select>
  )
}

/** A yes-or-no choice with its sentence. */
export function Check(props: {
  isOn: boolean
  onChange: (isOn: boolean) => void
  children: ReactNode
  isDisabled?: boolean
}) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={props.isOn}
        disabled={props.isDisabled}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      <span>{props.children}</span>
    </label>
  )
}
