import { NewSessionSheet } from '../features/new-session/NewSessionSheet.tsx'
import { ConfirmSessions } from './ConfirmSessions.tsx'
import { KeysDialog } from './KeysDialog.tsx'
import { Palette } from './Palette.tsx'

/** Everything that can lie above the screen; at most one of them is open. */
export function Layers() {
  return (
    <>
      <Palette />
      <KeysDialog />
      <ConfirmSessions />
      <NewSessionSheet />
    </>
  )
}
