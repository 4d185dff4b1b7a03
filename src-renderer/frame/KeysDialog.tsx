import { useOverlay } from '../stores/overlay.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { Kbd, useKeyTable } from '../ui/keyboard.tsx'

const scopeNames: Readonly<Record<string, string>> = {
  global: 'Everywhere',
  ask: 'While a question has the focus',
  composer: 'While you write to the agent',
  note: 'While you write a note on a line',
  budget: 'While you change a budget',
  grant: 'While you change a capability',
}
const partsOf: Readonly<Record<string, readonly string[]>> = {
  fleet: ['ask'],
  'needs-you': ['ask'],
  session: ['composer', 'note', 'ask'],
  processes: ['budget'],
  authority: ['grant'],
}

/** The keys of this screen, of its parts, and those that work everywhere. */
export function KeysDialog() {
  const { overlay, close } = useOverlay()
  const { table, screen } = useKeyTable()
  const scopes = [screen, ...(partsOf[screen] ?? []), 'global']
  return (
    <Dialog
      isOpen={overlay.kind === 'keys'}
      onClose={close}
      title="Keys"
      width={700}
      foot={<Button onPress={close}>Close</Button>}
    >
      <div className="dialog-body keys-list">
        {scopes.map((scope) => (
          <section key={scope}>
            <h3 className="section-title">{scopeNames[scope] ?? 'On this screen'}</h3>
            {table
              .filter((one) => one.scope === scope)
              .map((one) => (
                <div key={one.action} className="line keys-row">
                  <span className="grow sentence">{one.label}</span>
                  {one.keys.map((chord) => (
                    <Kbd key={chord} chord={chord} />
                  ))}
                </div>
              ))}
          </section>
        ))}
      </div>
    </Dialog>
  )
}
