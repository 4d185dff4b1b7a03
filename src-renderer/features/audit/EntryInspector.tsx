import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import { Fragment, useMemo } from 'react'
import { visibleLine, visibleText } from '../../format/visible-text.ts'
import { bodyTokens, knotOf, prettyBody } from './audit.model.ts'

const genesis = 'no entry before it'

/** One entry: what it says, exactly what was hashed, how it is linked, and what that proves. */
export function EntryInspector(props: {
  entry: AuditEntry
  chain: string
  report: AuditReport | undefined
  previous: AuditEntry | undefined
  next: AuditEntry | undefined
}) {
  const { entry, report } = props
  const knot = knotOf(entry.sequence, report)
  const sessionId = props.chain.startsWith('session:') ? props.chain.slice(8) : null
  return (
    <aside className="inspector entry" aria-label={`Entry ${entry.sequence}`}>
      <div className="inspector-body">
        <div className="line">
          <h2 className="inspector-title grow">Entry {entry.sequence}</h2>
          <span
            className={`tiny ${knot === 'clear' ? 'clear-text' : knot === 'danger' ? 'danger-text' : 'faint'}`}
          >
            {knot === 'clear' ? 'linked, recomputed' : knot === 'danger' ? 'does not match' : 'not checked'}
          </span>
        </div>
        <p className="muted small selectable">{visibleLine(entry.summary)}</p>
        <h3 className="section-title spaced">Body, as it was hashed</h3>
        <Body text={entry.body} />
        <Link entry={entry} knot={knot} previous={props.previous} next={props.next} />
        {sessionId && (
          <>
            <h3 className="section-title spaced">Around it</h3>
            <a className="button" href={`#/session/${encodeURIComponent(sessionId)}`}>
              Open the session
            </a>
          </>
        )}
        <h3 className="section-title spaced">What this proves</h3>
        <div className="small muted prose selectable">
          {report && report.proves.length > 0
            ? report.proves.map((one) => <p key={one}>{visibleLine(one)}</p>)
            : 'Nothing before it is checked.'}
        </div>
      </div>
    </aside>
  )
}

function Body(props: { text: string }) {
  const runs = useMemo(() => {
    let at = 0
    return bodyTokens(visibleText(prettyBody(props.text))).map((run) => {
      const start = at
      at += run.text.length
      return { ...run, start }
    })
  }, [props.text])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard
    <pre className="entry-body" tabIndex={0}>
      {runs.map((run) => (
        <Fragment key={run.start}>
          {run.role === null ? run.text : <span className={`json-${run.role}`}>{run.text}</span>}
        </Fragment>
      ))}
    </pre>
  )
}

function Link(props: {
  entry: AuditEntry
  knot: string
  previous: AuditEntry | undefined
  next: AuditEntry | undefined
}) {
  const { entry, previous, next } = props
  const isFirst = entry.sequence === 1
  const joins = previous?.entryHash === entry.previousHash
  return (
    <>
      <h3 className="section-title spaced">Link</h3>
      <dl className="pairs">
        <dt>previous</dt>
        <dd>
          {isFirst ? (
            <span className="faint">{genesis}</span>
          ) : (
            <>
              <span className="mono">{middle(entry.previousHash)}</span>{' '}
              {previous && (
                <span className={joins ? 'clear-text' : 'danger-text'}>
                  {joins ? '=' : '≠'} entry {previous.sequence}
                </span>
              )}
            </>
          )}
        </dd>
        <dt>this</dt>
        <dd>
          <span className="mono">{middle(entry.entryHash)}</span>{' '}
          {props.knot === 'clear' && <span className="clear-text">= recomputed</span>}
          {props.knot === 'danger' && <span className="danger-text">≠ recomputed</span>}
        </dd>
        <dt>next names it</dt>
        <dd>
          {next ? (
            next.previousHash === entry.entryHash ? (
              <span className="clear-text">yes, entry {next.sequence}</span>
            ) : (
              <span className="danger-text">no</span>
            )
          ) : (
            <span className="faint">it is the last</span>
          )}
        </dd>
        <dt>journal</dt>
        <dd>fact {entry.seq}</dd>
      </dl>
    </>
  )
}

function middle(hash: string): string {
  const bare = hash.replace(/^sha256:/, '')
  return bare.length > 24 ? `${bare.slice(0, 8)} ${bare.slice(8, 16)} … ${bare.slice(-6)}` : bare
}
