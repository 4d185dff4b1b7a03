import { formatChange } from '../format/amounts.ts'

/** Lines added and removed, as `+118 −41`. */
export function Counts(props: { insertions: number | null; deletions: number | null }) {
  if (props.insertions === null || props.deletions === null) return <span className="faint">binary</span>
  return (
    <span className="counts">
      <span className="added">{formatChange('added', props.insertions)}</span>{' '}
      <span className="removed">{formatChange('removed', props.deletions)}</span>
    </span>
  )
}
