import type { ProcessRow } from '@contract/process.ts'
import { useRef } from 'react'
import { plural } from '../../format/amounts.ts'
import { Confirm } from '../../ui/Dialog.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { countBelow, nameOf } from './processes.model.ts'
import type { Ending, ProcessActs } from './use-process-acts.ts'

/** Asks before processes are ended: which, what becomes of what runs below them, and what is lost. */
export function ConfirmEnding(props: { acts: ProcessActs; rows: ReadonlyMap<number, ProcessRow> }) {
  const { acts } = props
  // While the question fades its words stay.
  const last = useRef<Ending | null>(null)
  last.current = acts.ending ?? last.current
  const ending = last.current
  return (
    <Confirm
      isOpen={acts.ending !== null}
      title={ending ? titleOf(ending) : ''}
      verb={ending?.verb === 'kill' ? 'Kill' : 'Terminate'}
      onClose={acts.leaveEnding}
      onConfirm={acts.confirmEnding}
    >
      {ending && <Told ending={ending} rows={props.rows} />}
    </Confirm>
  )
}

function Told(props: { ending: Ending; rows: ReadonlyMap<number, ProcessRow> }) {
  const { rows, verb } = props.ending
  const sessions = rows.filter((row) => row.kind === 'session').length
  const below = countBelow(props.rows, new Set(rows.map((row) => row.pid)))
  return (
    <>
      <ul className="confirm-names">
        {rows.slice(0, 8).map((row) => (
          <li key={row.pid} className="cut">
            <span className="faint num">{row.pid}</span> <Foreign text={nameOf(row)} max={120} />
          </li>
        ))}
        {rows.length > 8 && <li>{rows.length - 8} more</li>}
      </ul>
      <p>{verb === 'kill' ? killText : terminateText}</p>
      {sessions > 0 && (
        <p>
          {sessions === 1 && rows.length === 1
            ? 'It is a session'
            : `${plural(sessions, 'session')} among them`}
          : {sessions === 1 ? 'it is' : 'they are'} stopped with all that runs below, and what{' '}
          {sessions === 1 ? 'it' : 'they'} changed stays for review.
        </p>
      )}
      {sessions === 0 && below > 0 && (
        <p>
          {plural(below, 'process', 'processes')} below {rows.length === 1 ? 'it' : 'them'} will run on under
          the next parent above.
        </p>
      )}
    </>
  )
}

const killText =
  'Ended at once, without a chance to save. What was not used of the budget goes back to the parent.'
const terminateText =
  'Asked to wind down, which may take a while and can be ignored. What was not used of the budget goes back to the parent.'

function titleOf({ verb, rows }: Ending): string {
  const what = rows.length === 1 ? 'this process' : plural(rows.length, 'process', 'processes')
  return `${verb === 'kill' ? 'Kill' : 'Terminate'} ${what}?`
}
