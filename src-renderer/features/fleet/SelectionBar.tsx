import type { SessionRow } from '@contract/session.ts'
import { possibleFor } from '../../client/session-state.ts'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'

/** What can be done with all that is picked. Each button says how many it would touch; the rest is skipped. */
export function SelectionBar(props: { rows: readonly SessionRow[] }) {
  const { selected, clearSelected } = useView()
  const open = useOverlay((state) => state.open)
  const pause = useCommand('session', 'pause')
  const resume = useCommand('session', 'resume')
  const keep = useCommand('session', 'keep')
  if (selected.size === 0) return null
  const picked = props.rows.filter((row) => selected.has(row.id))
  const can = (act: keyof ReturnType<typeof possibleFor>) => picked.filter((row) => possibleFor(row)[act])
  const all = async (
    rows: readonly SessionRow[],
    run: (input: { sessionId: string }) => Promise<unknown>,
  ) => {
    for (const row of rows) await run({ sessionId: row.id })
  }
  const named = (rows: readonly SessionRow[]) => rows.map(({ id, title }) => ({ id, title }))
  const [stops, pauses, resumes, keeps, discards] = [
    can('stop'),
    can('pause'),
    can('resume'),
    can('keep'),
    can('discard'),
  ]
  return (
    <div className="selection-bar" role="toolbar" aria-label="Picked sessions">
      <strong className="strong">{plural(selected.size, 'session')} picked</strong>
      <span className="grow" />
      {pauses.length > 0 && (
        <Button onPress={() => void all(pauses, pause.run)}>Pause {pauses.length}</Button>
      )}
      {resumes.length > 0 && (
        <Button onPress={() => void all(resumes, resume.run)}>Resume {resumes.length}</Button>
      )}
      {keeps.length > 0 && <Button onPress={() => void all(keeps, keep.run)}>Keep {keeps.length}</Button>}
      {stops.length > 0 && (
        <Button kind="danger" onPress={() => open({ kind: 'confirm', verb: 'stop', sessions: named(stops) })}>
          Stop {stops.length}
        </Button>
      )}
      {discards.length > 0 && (
        <Button
          kind="danger"
          onPress={() => open({ kind: 'confirm', verb: 'discard', sessions: named(discards) })}
        >
          Discard {discards.length}
        </Button>
      )}
      <Button kind="quiet" onPress={clearSelected}>
        Clear
      </Button>
    </div>
  )
}
