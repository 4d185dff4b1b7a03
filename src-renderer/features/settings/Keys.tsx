import type { ProviderInfo } from '@contract/agent.ts'
import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { Loadable, ProblemLine } from '../../ui/Loadable.tsx'

/** Model providers and whether each has its key. A key is never shown after it was typed. */
export function Keys(props: {
  baseUrls: Readonly<Record<string, string>>
  onBaseUrls: (urls: Record<string, string>) => void
}) {
  const providers = useRead('agent', 'providers', {})
  return (
    <Loadable of={providers} rows={4}>
      {(data) => (
        <>
          <p className="small muted">
            {data.keyStore === 'keychain'
              ? 'Keys lie in the system keychain.'
              : 'This computer has no keychain that could be used: keys lie in a file that only you can read.'}
          </p>
          {data.providers.map((one) => (
            <Provider
              key={one.id}
              provider={one}
              onBaseUrl={(url) => props.onBaseUrls({ ...props.baseUrls, [one.id]: url })}
            />
          ))}
        </>
      )}
    </Loadable>
  )
}

function Provider(props: { provider: ProviderInfo; onBaseUrl: (url: string) => void }) {
  const { provider } = props
  const [key, setKey] = useState('')
  const [url, setUrl] = useState(provider.baseUrl ?? '')
  const setCommand = useCommand('agent', 'setKey')
  const remove = useCommand('agent', 'removeKey')
  const save = async () => {
    const outcome = await setCommand.run({ provider: provider.id, key })
    if (outcome.ok) setKey('')
  }
  const isReady = provider.hasKey || !provider.needsKey
  const state = provider.hasKey ? 'has a key' : provider.needsKey ? 'no key' : 'needs no key'
  return (
    <div className="provider">
      <div className="line">
        <Lamp tone={isReady ? 'clear' : 'idle'} shape={isReady ? 'disc' : 'ring'} />
        <span className="strong">{visibleLine(provider.name)}</span>
        <span className="faint small grow">{state}</span>
        {provider.hasKey && (
          <Button kind="danger" onPress={() => void remove.run({ provider: provider.id })}>
            Remove key
          </Button>
        )}
      </div>
      <div className="line">
        <input
          className="input mono"
          aria-label={`Address of ${provider.name}`}
          placeholder="Address: its usual one"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
          onBlur={() => url !== (provider.baseUrl ?? '') && URL.canParse(url) && props.onBaseUrl(url)}
        />
        {provider.needsKey && (
          <>
            <input
              className="input mono"
              type="password"
              autoComplete="off"
              aria-label={`Key for ${provider.name}`}
              placeholder={provider.hasKey ? 'Replace the key' : 'Key'}
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
            <Button onPress={() => void save()} isDisabled={key.trim() === '' || setCommand.isRunning}>
              Save key
            </Button>
          </>
        )}
      </div>
      {setCommand.problem && <ProblemLine problem={setCommand.problem} />}
    </div>
  )
}
