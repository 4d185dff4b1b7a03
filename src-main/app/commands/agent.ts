import { SignalboxError } from '../../contract/errors.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { AppParts } from '../app-parts.ts'
import { changeSettings } from './settings.ts'

/** Agents of this machine, and the keys of model providers. Keys go to the secret store and nowhere else. */
export function createAgentHandlers(parts: AppParts): Handlers<SignalboxContract>['agent'] {
  const { store, powers } = parts
  const here = () => ({ atSeq: store.journal.lastSeq() })
  const mustKnow = async (agent: string) => {
    const agents = await powers.agents.list({ isFresh: false })
    if (!agents.some((one) => one.id === agent)) throw new SignalboxError('agent_unknown', { agent })
  }
  return {
    list: async () => [...(await powers.agents.list({ isFresh: false }))],
    async refresh() {
      await powers.agents.list({ isFresh: true })
      return here()
    },
    async addCustom(input, context) {
      if (!(await powers.isProgram(input.file)))
        throw new SignalboxError('path_not_found', {
          path: input.file,
          detail: 'not a program that can be run',
        })
      const done = changeSettings(parts, context, ({ customAgents }) => ({
        customAgents: [...customAgents.filter((one) => one.name !== input.name), input],
      }))
      await powers.agents.list({ isFresh: true })
      return done
    },
    async removeCustom({ name }, context) {
      const done = changeSettings(parts, context, ({ customAgents }) => {
        if (!customAgents.some((one) => one.name === name))
          throw new SignalboxError('agent_unknown', { agent: `custom:${name}` })
        return { customAgents: customAgents.filter((one) => one.name !== name) }
      })
      await powers.agents.list({ isFresh: true })
      return done
    },
    async grantCredentials({ agent, isGranted }, context) {
      await mustKnow(agent)
      const done = changeSettings(parts, context, ({ grantedCredentials }) => {
        const others = grantedCredentials.filter((one) => one !== agent)
        return { grantedCredentials: isGranted ? [...others, agent] : others }
      })
      await powers.agents.list({ isFresh: true })
      return done
    },
    providers: async () => ({
      providers: [...(await powers.agents.providers())],
      keyStore: powers.secrets.store,
    }),
    async setKey({ provider, key }) {
      await powers.secrets.set(provider, key)
      await powers.agents.list({ isFresh: true })
      return here()
    },
    async removeKey({ provider }) {
      await powers.secrets.remove(provider)
      await powers.agents.list({ isFresh: true })
      return here()
    },
  }
}
