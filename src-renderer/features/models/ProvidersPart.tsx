import type { ProviderInfo } from '@contract/agent.ts'
import type { ReactNode } from 'react'
import { useRead } from '../../client/use-read.ts'
import { plural } from '../../format/amounts.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { Loadable } from '../../ui/Loadable.tsx'

/** Where the gateway sends calls to, and whether it may. */
export function ProvidersPart(props: { bar: ReactNode }) {
  const providers = useRead('agent', 'providers', {})
  return (
    <div className="models-page">
      {props.bar}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and holds little else that could have the focus */}
      <section className="models-body" aria-label="Providers" tabIndex={0}>
        <Loadable of={providers} rows={4}>
          {(data) => (
            <>
              <table className="models-table">
                <thead>
                  <tr>
                    <th scope="col">Provider</th>
                    <th scope="col">Key</th>
                    <th scope="col">Address</th>
                    <th scope="col">Models</th>
                  </tr>
                </thead>
                <tbody>
                  {data.providers.map((one) => (
                    <Provider key={one.id} provider={one} />
                  ))}
                </tbody>
              </table>
              <p className="small muted models-note">
                {data.keyStore === 'keychain'
                  ? 'Keys lie in the system keychain; agents never see them.'
                  : 'Keys lie in a file that only you can read; agents never see them.'}{' '}
                <a href="#/settings">Change keys and addresses in Settings</a>
              </p>
            </>
          )}
        </Loadable>
      </section>
    </div>
  )
}

function Provider(props: { provider: ProviderInfo }) {
  const { name, hasKey, needsKey, baseUrl, models } = props.provider
  const isReady = hasKey || !needsKey
  return (
    <tr>
      <th scope="row">
        <Foreign text={name} max={60} />
      </th>
      <td>
        <LampWord
          tone={isReady ? 'clear' : 'idle'}
          shape={isReady ? 'disc' : 'ring'}
          word={hasKey ? 'has a key' : needsKey ? 'no key' : 'needs no key'}
        />
      </td>
      <td>
        {baseUrl === null ? (
          <span className="faint">its usual one</span>
        ) : (
          <Foreign className="mono selectable" text={baseUrl} max={80} />
        )}
      </td>
      <td className="muted">
        {models.length === 0 ? <span className="faint">not listed</span> : plural(models.length, 'model')}
      </td>
    </tr>
  )
}
