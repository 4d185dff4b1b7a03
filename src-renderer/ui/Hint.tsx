import { Tooltip } from '@base-ui/react/tooltip'
import type { ReactElement } from 'react'

/** A sentence on hover and focus. `children` is one focusable element. */
export function Hint(props: { text: string; children: ReactElement }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={props.children} />
      <Tooltip.Portal>
        <Tooltip.Positioner className="tooltip-place" sideOffset={6}>
          <Tooltip.Popup className="tooltip">{props.text}</Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
