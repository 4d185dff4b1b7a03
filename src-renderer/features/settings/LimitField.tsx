import { useEffect, useState } from 'react'
import { type LimitKind, limitText, parseLimit } from '../../format/limits.ts'
import { Field } from '../../ui/Field.tsx'

type Props = { label: string; hint?: string } & (
  | { kind: LimitKind; value: number | null; onNumber: (value: number | null) => void }
  | {
      kind?: undefined
      value: string
      isMono?: boolean
      isValid: (text: string) => boolean
      onSave: (text: string) => void
    }
)

/** A field that saves when it is left or Enter is pressed, and keeps what is wrong until it is right. */
export function LimitField(props: Props) {
  const stored = props.kind === undefined ? props.value : limitText(props.kind, props.value)
  const [text, setText] = useState(stored)
  useEffect(() => setText(stored), [stored])
  const isValid = props.kind === undefined ? props.isValid(text) : parseLimit(props.kind, text) !== undefined
  const save = () => {
    if (!isValid || text === stored) return
    if (props.kind === undefined) return props.onSave(text)
    const value = parseLimit(props.kind, text)
    if (value !== undefined) props.onNumber(value)
  }
  const isMono = props.kind === undefined && props.isMono
  return (
    <Field label={props.label} hint={isValid ? props.hint : 'That cannot be read.'}>
      {(id) => (
        <input
          id={id}
          className={`input${isMono ? ' mono' : ''}`}
          value={text}
          placeholder={props.kind === undefined ? '' : props.kind === 'usd' ? 'no limit, USD' : 'no limit'}
          aria-invalid={!isValid}
          onChange={(event) => setText(event.target.value)}
          onBlur={save}
          onKeyDown={(event) => event.key === 'Enter' && save()}
        />
      )}
    </Field>
  )
}
