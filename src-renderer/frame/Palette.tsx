import { Command } from 'cmdk'
import { lampOf } from '../client/lamp.ts'
import { useRead } from '../client/use-read.ts'
import { sessionAddress } from '../format/address.ts'
import { visibleLine } from '../format/visible-text.ts'
import { useOverlay } from '../stores/overlay.ts'
import { Dialog } from '../ui/Dialog.tsx'
import { Kbd, useKeyTable } from '../ui/keyboard.tsx'
import { Lamp } from '../ui/Lamp.tsx'
import { placeKey, screens } from './key-table.ts'

const names: Readonly<Record<(typeof screens)[number], string>> = {
  fleet: 'Fleet',
  'needs-you': 'Needs you',
  queue: 'Queue',
  agents: 'Agents',
  processes: 'Processes',
  authority: 'Authority',
  models: 'Models',
  audit: 'Audit',
  storage: 'Storage',
  cost: 'Cost',
  settings: 'Settings',
}

/** Everything by name: places, sessions and what can be done now. */
export function Palette() {
  const { overlay, close } = useOverlay()
  const isOpen = overlay.kind === 'palette'
  return (
    <Dialog
      isOpen={isOpen}
      onClose={close}
      title="Search or run a command"
      isTitleHidden
      width={600}
      scope="palette"
    >
      <Command label="Search or run a command" className="palette" loop>
        <Command.Input className="palette-input" placeholder="Search sessions, places and actions" />
        <Command.List className="palette-list" label="Results">
          <Command.Empty className="palette-empty">Nothing by that name.</Command.Empty>
          <Actions />
          <Places />
          <Sessions />
        </Command.List>
      </Command>
    </Dialog>
  )
}

function Actions() {
  const { table, screen, offers, run } = useKeyTable()
  const close = useOverlay((state) => state.close)
  const actions = table.filter(
    (one) =>
      !one.isNative &&
      one.action !== 'global.palette' &&
      !(one.action === 'global.new' && screen === 'fleet') &&
      (one.scope === screen || one.scope === 'global') &&
      !one.action.includes('.go-') &&
      offers(one.action),
  )
  return (
    <Command.Group heading="Here">
      {actions.map((one) => (
        <Command.Item
          key={one.action}
          value={`${one.label} ${one.action}`}
          onSelect={() => {
            close()
            run(one.action)
          }}
        >
          <span className="grow sentence">{one.label}</span>
          {one.keys[0] && <Kbd chord={one.keys[0]} />}
        </Command.Item>
      ))}
    </Command.Group>
  )
}

function Places() {
  const close = useOverlay((state) => state.close)
  const go = (hash: string) => {
    close()
    window.location.hash = hash
  }
  return (
    <Command.Group heading="Places">
      {screens.map((screen, index) => (
        <Command.Item key={screen} value={`go to ${names[screen]}`} onSelect={() => go(`#/${screen}`)}>
          <span className="grow">{names[screen]}</span>
          <Kbd chord={placeKey(index)} />
        </Command.Item>
      ))}
      <Command.Item value="first run steps" onSelect={() => go('#/first-run')}>
        <span className="grow">First steps</span>
      </Command.Item>
    </Command.Group>
  )
}

function Sessions() {
  const close = useOverlay((state) => state.close)
  const list = useRead('session', 'list', { sort: 'newest', count: 100 }, { keepsPrevious: true })
  return (
    <Command.Group heading="Sessions">
      {list.data?.rows.map((row) => {
        const lamp = lampOf(row)
        const title = visibleLine(row.title)
        return (
          <Command.Item
            key={row.id}
            value={`${title} ${row.projectName} ${row.id}`}
            onSelect={() => {
              close()
              window.location.hash = sessionAddress(row.id)
            }}
          >
            <Lamp tone={lamp.tone} shape={lamp.shape} />
            <span className="grow cut">{title}</span>
            <span className="faint tiny">{visibleLine(row.projectName)}</span>
          </Command.Item>
        )
      })}
    </Command.Group>
  )
}
