import { Dialog as Base } from '@base-ui/react/dialog'
import type { ReactNode, RefObject } from 'react'
import { Button } from './Button.tsx'

/** A layer above everything: Escape closes it, focus stays inside and returns. */
export function Dialog(props: {
  isOpen: boolean
  onClose: () => void
  title: string
  isTitleHidden?: boolean
  width: number
  scope?: string
  initialFocus?: RefObject<HTMLElement | null>
  foot?: ReactNode
  children: ReactNode
}) {
  const focus = props.initialFocus ? { initialFocus: props.initialFocus } : {}
  return (
    <Base.Root open={props.isOpen} onOpenChange={(isOpen) => !isOpen && props.onClose()}>
      <Base.Portal>
        <Base.Backdrop className="veil" />
        <Base.Popup
          className="dialog"
          style={{ width: props.width }}
          data-key-scope={props.scope ?? 'dialog'}
          data-key-modal=""
          {...focus}
        >
          <div className={props.isTitleHidden ? 'unseen' : 'dialog-head'}>
            <Base.Title className="dialog-title">{props.title}</Base.Title>
          </div>
          {props.children}
          {props.foot && <div className="dialog-foot">{props.foot}</div>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

/** Asks before what cannot be undone, and names what will be lost. The safe choice has the focus. */
export function Confirm(props: {
  isOpen: boolean
  title: string
  verb: string
  children: ReactNode
  isRunning?: boolean
  onConfirm: () => void
  onClose: () => void
}) {
  const foot = (
    <>
      <Button onPress={props.onClose}>Cancel</Button>
      <Button kind="danger" onPress={props.onConfirm} isDisabled={props.isRunning ?? false}>
        {props.verb}
      </Button>
    </>
  )
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={props.title} width={440} foot={foot}>
      <div className="dialog-body muted" style={{ lineHeight: 1.55 }}>
        {props.children}
      </div>
    </Dialog>
  )
}
