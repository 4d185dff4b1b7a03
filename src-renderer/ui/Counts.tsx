import { formatChange } from '../format/amounts.ts'

/** Lines added and removed, as `+118 −41`; where there is little room a zero is left out. */
export function Counts(props: { insertions: number | null; deletions: number | null; hidesZero?: boolean }) {
  if (props.insertions === null || props.deletions === null) return <span className="faint">binary</span>
  const isAddedShown = !props.hidesZero || props.insertions > 0
  const isRemovedShown = !props.hidesZero || props.deletions > 0
  return (
    <span className="counts">
      {isAddedShown && <span className="added">{formatChange('added', props.insertions)}</span>}
      {isAddedShown && isRemovedShown && ' '}
      {isRemovedShown && <span className="removed">{formatChange('removed', props.deletions)}</span>}
    </span>
  )
}
