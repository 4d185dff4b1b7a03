import type { ReactNode } from 'react'
import { useRead } from '../../client/use-read.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { choosePrices, perMillion } from './models.model.ts'

/** What a token costs, by model, and as of when that is known. */
export function PricesPart(props: { bar: ReactNode; text: string }) {
  const prices = useRead('model', 'prices', {})
  return (
    <div className="models-page">
      {props.bar}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and holds little else that could have the focus */}
      <section className="models-body" aria-label="Prices" tabIndex={0}>
        <Loadable of={prices} rows={8}>
          {(data) => {
            const shown = choosePrices(data.prices, props.text)
            if (shown.length === 0) return <EmptyState title={`No price matches “${props.text}”.`} />
            return (
              <>
                <table className="models-table prices">
                  <caption className="faint tiny">US dollars per million tokens, as of {data.asOf}</caption>
                  <thead>
                    <tr>
                      <th scope="col">Model</th>
                      <th scope="col">Provider</th>
                      <th scope="col">In</th>
                      <th scope="col">In, cached</th>
                      <th scope="col">Out</th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map((one) => (
                      <tr key={`${one.provider} ${one.model}`}>
                        <th scope="row">
                          <Foreign text={one.model} max={80} />
                        </th>
                        <td className="muted">
                          <Foreign text={one.provider} max={60} />
                        </td>
                        <td>{perMillion(one.input)}</td>
                        <td className="muted">{perMillion(one.cachedInput)}</td>
                        <td>{perMillion(one.output)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <p className="small muted models-note">
                  A model without a price counts as “without cost”: its tokens are metered, its money is not
                  known.
                </p>
              </>
            )
          }}
        </Loadable>
      </section>
    </div>
  )
}
