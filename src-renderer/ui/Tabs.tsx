import { type KeyboardEvent, useRef } from 'react'

/** A row of tabs; arrows move, as the pattern asks. The panel has the id `<idBase>-panel`. */
export function Tabs<T extends string>(props: {
  label: string
  idBase: string
  value: T
  tabs: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}) {
  const list = useRef<HTMLDivElement>(null)
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const at = props.tabs.findIndex(([value]) => value === props.value)
    const next = props.tabs[(at + step + props.tabs.length) % props.tabs.length]
    if (!next) return
    props.onChange(next[0])
    list.current?.querySelector<HTMLElement>(`[data-tab="${next[0]}"]`)?.focus()
  }
  return (
    <div className="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.tabs.map(([value, text]) => (
        <button
          key={value}
          type="button"
          role="tab"
          className="tab"
          id={`${props.idBase}-${value}`}
          data-tab={value}
          aria-selected={value === props.value}
          aria-controls={`${props.idBase}-panel`}
          tabIndex={value === props.value ? 0 : -1}
          onClick={() => props.onChange(value)}
        >
          {text}
        </button>
      ))}
    </div>
  )
}
