import { visibleLine } from '../format/visible-text.ts'
import { type DiffRow, type LineKey, lineKeyOf, type PlacedLine } from './diff-rows.ts'
import type { Token } from './highlight.ts'

/** Colours of a line; undefined while they are not known. */
export type ColourOf = (line: PlacedLine) => readonly Token[] | undefined

/** One row of a diff. Each line carries its name, so that the view finds it under the pointer. */
export function DiffLines(props: {
  row: Exclude<DiffRow, { kind: 'remark' }>
  cursor: LineKey | null
  colourOf: ColourOf
}) {
  const { row, cursor } = props
  if (row.kind === 'gap' || row.kind === 'note')
    return (
      <div className="diff-row gap">
        <span className="diff-gap-text">{visibleLine(row.text)}</span>
      </div>
    )
  if (row.kind === 'line')
    return (
      <div className={`diff-row ${row.line.kind}${mark(row.line, cursor)}`} data-line={lineKeyOf(row.line)}>
        <span className="no">{row.line.oldLine}</span>
        <span className="no">{row.line.newLine}</span>
        <Code line={row.line} colourOf={props.colourOf} />
      </div>
    )
  return (
    <div className="diff-row pair">
      <Half line={row.left} no={row.left?.oldLine ?? null} cursor={cursor} colourOf={props.colourOf} />
      <Half line={row.right} no={row.right?.newLine ?? null} cursor={cursor} colourOf={props.colourOf} />
    </div>
  )
}

function mark(line: PlacedLine, cursor: LineKey | null): string {
  return cursor !== null && lineKeyOf(line) === cursor ? ' cursor' : ''
}

function Half(props: {
  line: PlacedLine | null
  no: number | null
  cursor: LineKey | null
  colourOf: ColourOf
}) {
  if (!props.line) return <span className="half none" />
  return (
    <span
      className={`half ${props.line.kind}${mark(props.line, props.cursor)}`}
      data-line={lineKeyOf(props.line)}
    >
      <span className="no">{props.no}</span>
      <Code line={props.line} colourOf={props.colourOf} />
    </span>
  )
}

const signs = { added: '+', removed: '−', context: ' ' } as const

function Code(props: { line: PlacedLine; colourOf: ColourOf }) {
  const { line } = props
  const tokens = props.colourOf(line) ?? [{ text: line.text, role: null }]
  let at = 0
  return (
    <>
      <span className="sign">{signs[line.kind]}</span>
      <span className="code">
        {tokens.map((token) => {
          const start = at
          at += token.text.length
          return (
            <span key={start} className={token.role ? `code-${token.role}` : undefined}>
              {visibleCode(token.text)}
            </span>
          )
        })}
        {line.noNewline && <span className="faint"> ⏎̸ no newline at end</span>}
      </span>
    </>
  )
}

/** Tabs stay tabs in code; everything else that hides is shown. */
function visibleCode(text: string): string {
  return text.split('\t').map(visibleLine).join('\t')
}
