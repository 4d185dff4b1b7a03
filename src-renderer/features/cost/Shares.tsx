import { plural } from '../../format/amounts.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { costText, type ShareLine } from './cost.model.ts'

/** Who spent how much, the dearest first. */
export function Shares(props: { title: string; lines: readonly ShareLine[] }) {
  return (
    <section>
      <h2 className="section-title">{props.title}</h2>
      {props.lines.length === 0 && <p className="faint small">No spend recorded.</p>}
      <table className="cost-table shares" aria-label={props.title}>
        <tbody>
          {props.lines.map((one) => (
            <tr key={one.key}>
              <th scope="row">
                <Foreign className="cut" text={one.name} max={60} />
                <i className="cost-share" style={{ width: `${one.share * 100}%` }} aria-hidden="true" />
              </th>
              <td>{costText(one)}</td>
              <td className="faint">{plural(one.sessions, 'session')}</td>
              <td className="faint">{one.unknown > 0 && `${one.unknown} not known`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
