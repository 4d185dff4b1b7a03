import type { Settings } from '@contract/settings.ts'
import type { ReactNode } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Check, Field, Select } from '../../ui/Field.tsx'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { Keys } from './Keys.tsx'
import { LimitField } from './LimitField.tsx'
import { Projects } from './Projects.tsx'
import { commandText, parseCommand } from './settings.model.ts'
import './settings.css'

/** What the operator chose. Each change takes effect at once and stands in the journal. */
export function SettingsScreen() {
  useScreenScope('settings')
  const settings = useRead('settings', 'get', {})
  return (
    <div className="page">
      <div className="page-inner settings">
        <h1 className="page-title">Settings</h1>
        <Loadable of={settings} rows={10}>
          {(data) => <Body settings={data} />}
        </Loadable>
      </div>
    </div>
  )
}

type Put = (change: Partial<Settings>) => void

function Body(props: { settings: Settings }) {
  const { settings } = props
  const set = useCommand('settings', 'set')
  const put: Put = (change) => void set.run(change)
  return (
    <>
      {set.problem && <ProblemLine problem={set.problem} />}
      <Appearance settings={settings} put={put} />
      <Limits settings={settings} put={put} />
      <Part title="Repositories">
        <Projects />
      </Part>
      <Part title="Model keys">
        <Keys
          baseUrls={settings.providerBaseUrls}
          onBaseUrls={(providerBaseUrls) => put({ providerBaseUrls })}
        />
      </Part>
      <Notifications settings={settings} put={put} />
      <Part title="Editor">
        <LimitField
          label="Command"
          hint="What “Editor” starts, with the workarea as its last argument. Empty: the system's choice."
          value={commandText(settings.editorCommand)}
          isMono
          isValid={(text) => parseCommand(text) !== undefined}
          onSave={(text) => put({ editorCommand: parseCommand(text) ?? null })}
        />
      </Part>
      <Recordings settings={settings} put={put} />
      <Part title="Door">
        <Check isOn={settings.httpDoor} onChange={(httpDoor) => put({ httpDoor })}>
          Open the loopback door for donmai clients and other programs of this computer
        </Check>
        <p className="faint small">Shut by default. The command line and this window do not need it.</p>
      </Part>
      <Where />
    </>
  )
}

export function Part(props: { title: string; children: ReactNode }) {
  return (
    <section className="settings-part" aria-label={props.title}>
      <h2 className="settings-title">{props.title}</h2>
      <div className="settings-fields">{props.children}</div>
    </section>
  )
}

function Appearance(props: { settings: Settings; put: Put }) {
  const { settings, put } = props
  return (
    <Part title="Appearance">
      <div className="settings-row">
        <Field label="Theme">
          {(id) => (
            <Select
              id={id}
              value={settings.theme}
              choices={[
                { value: 'system', text: 'as the system' },
                { value: 'light', text: 'light' },
                { value: 'dark', text: 'dark' },
                { value: 'contrast', text: 'high contrast' },
              ]}
              onChange={(theme) => put({ theme })}
            />
          )}
        </Field>
        <Field label="Rows">
          {(id) => (
            <Select
              id={id}
              value={settings.density}
              choices={[
                { value: 'compact', text: 'compact, 28 px' },
                { value: 'comfortable', text: 'comfortable, 36 px' },
              ]}
              onChange={(density) => put({ density })}
            />
          )}
        </Field>
      </div>
    </Part>
  )
}

function Limits(props: { settings: Settings; put: Put }) {
  const { settings, put } = props
  const budget = settings.defaultBudget
  const change = (part: Partial<Settings['defaultBudget']>) => put({ defaultBudget: { ...budget, ...part } })
  return (
    <Part title="Budgets and slots">
      <p className="small muted">
        What a new session may use when nothing else is said. Empty means no limit.
      </p>
      <div className="settings-row four">
        <LimitField
          label="Money"
          kind="usd"
          value={budget.usdNanos}
          onNumber={(usdNanos) => change({ usdNanos })}
        />
        <LimitField
          label="Tokens"
          kind="count"
          value={budget.tokens}
          onNumber={(tokens) => change({ tokens })}
        />
        <LimitField
          label="Tool calls"
          kind="count"
          value={budget.toolCalls}
          onNumber={(toolCalls) => change({ toolCalls })}
        />
        <LimitField
          label="Minutes"
          kind="minutes"
          value={budget.wallMs}
          onNumber={(wallMs) => change({ wallMs })}
        />
      </div>
      <div className="settings-row four">
        <LimitField
          label="Money per day"
          kind="usd"
          value={settings.dailyBudgetUsdNanos}
          onNumber={(dailyBudgetUsdNanos) => put({ dailyBudgetUsdNanos })}
        />
        <LimitField
          label="Slots"
          hint="Sessions at once, 1 to 64"
          kind="count"
          value={settings.slots}
          onNumber={(slots) => slots !== null && put({ slots })}
        />
        <LimitField
          label="Storage, GiB"
          kind="gib"
          value={settings.storageCapBytes}
          onNumber={(storageCapBytes) => put({ storageCapBytes })}
        />
      </div>
    </Part>
  )
}

function Notifications(props: { settings: Settings; put: Put }) {
  const { settings, put } = props
  return (
    <Part title="Notifications">
      <Check isOn={settings.notifyNeedsYou} onChange={(notifyNeedsYou) => put({ notifyNeedsYou })}>
        A session needs an answer
      </Check>
      <Check isOn={settings.notifyFailed} onChange={(notifyFailed) => put({ notifyFailed })}>
        A session failed
      </Check>
      <Check isOn={settings.notifyEnded} onChange={(notifyEnded) => put({ notifyEnded })}>
        A session ended
      </Check>
      <Check isOn={settings.bell} onChange={(bell) => put({ bell })}>
        Ring the bell when something needs you
      </Check>
    </Part>
  )
}

function Recordings(props: { settings: Settings; put: Put }) {
  return (
    <Part title="Recordings">
      <Check
        isOn={props.settings.recordSessions}
        onChange={(recordSessions) => props.put({ recordSessions })}
      >
        Record what sessions get from outside, so that they can be replayed
      </Check>
      <p className="faint small">
        The answers of models and devices, in <span className="mono">recordings/</span> of the state
        directory, which only you can read. They may hold what agents read; known keys are masked. Counts from
        the next session on; <a href="#/storage">Storage</a> shows them and takes them back.
      </p>
    </Part>
  )
}

function Where() {
  const { data } = useRead('fleet', 'overview', {})
  if (!data) return null
  return (
    <Part title="Where things lie">
      <p className="small muted selectable">
        Everything except keys lies in <span className="mono">{visibleLine(data.stateDirectory)}</span>.
        Signalbox {data.version}. <a href="#/storage">See what is in it</a>.
      </p>
    </Part>
  )
}
