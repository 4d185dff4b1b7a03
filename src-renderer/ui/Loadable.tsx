import type { ReactNode } from 'react'
import { Button } from './Button.tsx'

interface Problem {
  readonly what: string
  readonly todo: string | null
  readonly code: string
  readonly incident: string | null
  readonly canRetry: boolean
}
interface Readable<T> {
  readonly data: T | undefined
  readonly problem: Problem | null
  readonly retry: () => void
}

/** Draws a panel's data, or the skeleton of its shape, or what failed. Old data stays when a refresh fails. */
export function Loadable<T>(props: { of: Readable<T>; rows?: number; children: (data: T) => ReactNode }) {
  const { data, problem, retry } = props.of
  if (data !== undefined)
    return (
      <>
        {problem && problem.code !== 'disconnected' && <ProblemLine problem={problem} onRetry={retry} />}
        {props.children(data)}
      </>
    )
  if (problem) return <ProblemBlock problem={problem} onRetry={retry} />
  return <Skeleton rows={props.rows ?? 6} />
}

/** What failed, what to do, and the details to send on. */
export function ProblemBlock(props: { problem: Problem; onRetry?: () => void }) {
  const { problem, onRetry } = props
  return (
    <div className="notice-block" role="alert">
      <p className="what">{problem.what}</p>
      {problem.todo && <p className="muted">{problem.todo}</p>}
      {onRetry && problem.canRetry && <Button onPress={onRetry}>Try again</Button>}
      <details>
        <summary>Details</summary>
        <p className="mono">
          {problem.code}
          {problem.incident && ` · incident ${problem.incident}`}
        </p>
      </details>
    </div>
  )
}

/** The same in one line, for forms and for panels that keep their old data. */
export function ProblemLine(props: { problem: Problem; onRetry?: () => void }) {
  const { problem } = props
  return (
    <div className="line wraps small" role="alert" style={{ padding: '6px 0' }}>
      <span className="danger-text" title={problem.code}>
        {problem.what}
      </span>
      {problem.todo && <span className="muted">{problem.todo}</span>}
      {props.onRetry && problem.canRetry && (
        <Button kind="quiet" onPress={props.onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

const widths = ['62%', '48%', '71%', '55%', '66%', '42%']

/** The shape of rows to come; appears after 150 ms. */
export function Skeleton(props: { rows: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: props.rows }, (_, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no identity and never move
          key={index}
          className="skeleton-row"
          style={{ ['--w' as string]: widths[index % widths.length] }}
        />
      ))}
    </div>
  )
}

/** What belongs here, and the one thing that makes the first. */
export function EmptyState(props: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="notice-block center">
      <p className="what">{props.title}</p>
      {props.text && <p className="muted">{props.text}</p>}
      {props.children}
    </div>
  )
}
