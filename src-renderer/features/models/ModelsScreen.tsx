import { useRef } from 'react'
import { type CallFilter, useCalls } from '../../client/call-feed.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { CallsPart } from './CallsPart.tsx'
import { ModelsBar, partOrder } from './ModelsBar.tsx'
import { PricesPart } from './PricesPart.tsx'
import { ProvidersPart } from './ProvidersPart.tsx'
import './models.css'

/** What sessions ask of models, live; the providers behind, and their prices. */
export function ModelsScreen(props: { sessionId: string | null }) {
  useScreenScope('models')
  const { sessionId } = props
  const { models: view, setModels: set } = useKernelView()
  const filter: CallFilter = { sessionId, state: view.state === 'any' ? null : view.state }
  const feed = useCalls(filter)
  const find = useRef<HTMLInputElement>(null)
  const step = (by: number) => () => {
    const at = partOrder.indexOf(view.part)
    set({ part: partOrder[(at + by + partOrder.length) % partOrder.length] ?? 'calls' })
  }
  useKeyActions({
    'models.find': () => find.current?.focus(),
    'models.leave': () => set({ text: '', provider: 'any', state: 'any' }),
    'models.next-part': step(1),
    'models.previous-part': step(-1),
  })
  const bar = <ModelsBar feed={feed} sessionId={sessionId} findRef={find} />
  if (view.part === 'providers') return <ProvidersPart bar={bar} />
  if (view.part === 'prices') return <PricesPart bar={bar} text={view.text} />
  const isFiltered =
    sessionId !== null || view.state !== 'any' || view.provider !== 'any' || view.text.trim() !== ''
  return <CallsPart feed={feed} bar={bar} isFiltered={isFiltered} />
}
