import type { AgentInfo } from '@contract/agent.ts'
import type { Confinement } from '@contract/session.ts'
import type { RepositoryInfo } from '@contract/workarea.ts'
import type { Read } from '../../client/use-read.ts'
import { formatCount } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Check } from '../../ui/Field.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { type Draft, repositoryFacts } from './draft.model.ts'

/** What would happen, before anything runs. */
export function Preview(props: {
  draft: Draft
  put: (change: Partial<Draft>) => void
  repository: Read<RepositoryInfo>
  wall: Confinement | undefined
  queue: string
  agent: AgentInfo | undefined
}) {
  const { draft, repository, agent } = props
  const info = repository.data
  return (
    <aside className="sheet-preview" aria-label="What would happen">
      <h3 className="section-title">Repository</h3>
      {repository.problem && <ProblemLine problem={repository.problem} onRetry={repository.retry} />}
      {!info && !repository.problem && <p className="faint small">Not looked at yet.</p>}
      {info && (
        <>
          <p className="mono tiny faint cut" title={visibleLine(info.root)}>
            {visibleLine(info.root)}
          </p>
          {repositoryFacts(info, draft).map((fact) => (
            <p key={fact} className="small muted">
              {visibleLine(fact)}
            </p>
          ))}
          <p className="small faint">{formatCount(info.fileCount)} files. Your checkout is not touched.</p>
        </>
      )}
      <h3 className="section-title spaced">Agent</h3>
      <p className="small muted">{agent ? visibleLine(agent.detail) : 'None chosen.'}</p>
      {agent && agent.defaultHosts.length > 0 && (
        <p className="small faint">Reaches {agent.defaultHosts.map(visibleLine).join(', ')}.</p>
      )}
      <h3 className="section-title spaced">Wall</h3>
      <Wall wall={props.wall} draft={draft} put={props.put} />
      <h3 className="section-title spaced">Start</h3>
      <p className="small muted">{props.queue}</p>
    </aside>
  )
}

function Wall(props: { wall: Confinement | undefined; draft: Draft; put: (change: Partial<Draft>) => void }) {
  const { wall } = props
  if (!wall) return <p className="faint small">Not tried yet.</p>
  if (wall.files && wall.network)
    return (
      <p className="small line">
        <Lamp tone="clear" shape="tick" />
        <span className="muted">Files and network are confined.</span>
      </p>
    )
  return (
    <>
      <p className="small line">
        <Lamp tone="caution" shape="triangle" />
        <span className="caution-text">
          Not confined:{' '}
          {[wall.files ? '' : 'files', wall.network ? '' : 'network'].filter(Boolean).join(', ')}.
        </span>
      </p>
      <p className="small muted">{wall.reason}</p>
      {wall.remedy && <p className="small">{wall.remedy}</p>}
      <div className="small">
        <Check
          isOn={props.draft.acceptUnconfined}
          onChange={(acceptUnconfined) => props.put({ acceptUnconfined })}
        >
          Start it all the same; it can do what you can do
        </Check>
      </div>
    </>
  )
}
