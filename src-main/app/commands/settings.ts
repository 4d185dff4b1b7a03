import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { Settings } from '../../contract/settings.ts'
import { decideSetSettings } from '../../domain/settings/set.ts'
import type { AppParts } from '../app-parts.ts'
import type { CommandCall } from '../dispatch.ts'

/** Changes settings as one command; `change` sees them as they are inside the transaction. */
export function changeSettings(
  { store, dispatcher }: AppParts,
  call: CommandCall,
  change: (current: Settings) => Partial<Settings>,
): { atSeq: number } {
  return dispatcher.dispatch(call, {
    types: ['settings.changed'],
    decide() {
      const current = store.operator.settings()
      return decideSetSettings(current, change(current))
    },
    reply: (_facts, atSeq) => ({ atSeq }),
  })
}

export function createSettingsHandlers(parts: AppParts): Handlers<SignalboxContract>['settings'] {
  return {
    get: () => parts.store.operator.settings(),
    set: (input, context) => changeSettings(parts, context, () => withoutAbsent(input)),
  }
}

type Given = { readonly [K in keyof Settings]?: Settings[K] | undefined }

function withoutAbsent(input: Given): Partial<Settings> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
