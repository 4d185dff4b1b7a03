import { cutMiddle, splitPath, visibleLine, visibleText } from '../format/visible-text.ts'

/** One line that an agent, a repository or another machine produced: text, with hidden characters shown. */
export function Foreign(props: { text: string; max?: number; className?: string }) {
  const shown = visibleLine(props.text)
  const max = props.max ?? 2000
  return (
    <bdi className={props.className} title={shown.length > max ? shown.slice(0, 4000) : undefined}>
      {cutMiddle(shown, max)}
    </bdi>
  )
}

/** Foreign text of several lines. */
export function ForeignBlock(props: { text: string; className?: string }) {
  return (
    <div className={props.className} dir="auto" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {visibleText(props.text)}
    </div>
  )
}

/** A path with its folder held back. */
export function PathName(props: { path: string; className?: string }) {
  const { folder, name } = splitPath(visibleLine(props.path))
  return (
    <bdi className={`mono ${props.className ?? ''}`} title={visibleLine(props.path)}>
      <span className="faint">{folder}</span>
      {name}
    </bdi>
  )
}
