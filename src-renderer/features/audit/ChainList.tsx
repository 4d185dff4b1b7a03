import type { ChainInfo } from '@contract/audit.ts'
import { useCallback, useMemo, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { type Problem, problemOf } from '../../client/error-texts.ts'
import { useRead } from '../../client/use-read.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { shortHash, visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { type Column, DataGrid, type GridItem } from '../../ui/DataGrid.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { Lamp, LampWord } from '../../ui/Lamp.tsx'
import { EmptyState, Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'

const none: ReadonlySet<string> = new Set()

function columnsAt(nowMs: number): readonly Column<ChainInfo>[] {
  return [
    { id: 'state', header: 'State', track: '110px', render: StateCell },
    { id: 'title', header: 'Chain', track: 'minmax(160px, 1fr)', render: TitleCell },
    {
      id: 'entries',
      header: 'Entries',
      track: '70px',
      align: 'right',
      render: (chain) => formatCount(chain.entries),
    },
    {
      id: 'head',
      header: 'Head',
      track: '90px',
      render: (chain) => <span className="mono faint small">{shortHash(chain.head)}</span>,
    },
    {
      id: 'last',
      header: 'Last',
      track: '60px',
      align: 'right',
      render: (chain) => <span className="faint small">{formatAge(nowMs - chain.lastAtMs)}</span>,
    },
  ]
}

function StateCell({ report }: ChainInfo) {
  if (!report) return <LampWord tone="idle" shape="ring" word="not checked" />
  return report.ok ? (
    <LampWord tone="clear" shape="tick" word="intact" />
  ) : (
    <LampWord tone="danger" shape="square" word="broken" />
  )
}

function TitleCell({ title, chain, sessionId }: ChainInfo) {
  return (
    <>
      <Foreign className="fleet-title" text={title} max={200} />
      {sessionId === null && <span className="faint mono small">{visibleLine(chain)}</span>}
    </>
  )
}

/** Every chain with its state; the daemon's own among them. */
export function ChainList() {
  const [text, setText] = useState('')
  const [active, setActive] = useState<string | null>(null)
  const { chains, chainAt, onVisible } = useChains(text)
  const all = useVerifyAll()
  const shown = active ?? chainAt(0)?.chain ?? null
  const open = (chain: string) => navigate({ screen: 'audit', chain })
  useKeyActions({ 'audit.verify': all.run, 'audit.open': shown === null ? undefined : () => open(shown) })
  const columns = useMemo(() => columnsAt(chains.readAtMs), [chains.readAtMs])
  const itemAt = (index: number): GridItem<ChainInfo> => {
    const chain = chainAt(index)
    return chain ? { kind: 'row', key: chain.chain, row: chain } : { kind: 'waiting', key: `w${index}` }
  }
  return (
    <div className="chains">
      <ChainsHead text={text} onText={setText} all={all} />
      <div className="chains-grid">
        <Loadable of={chains} rows={10}>
          {(data) =>
            data.total === 0 ? (
              <EmptyState
                title={
                  text === '' ? 'No entries yet. An empty chain proves nothing.' : `No match for “${text}”.`
                }
              />
            ) : (
              <DataGrid
                label="Chains"
                columns={columns}
                count={data.total}
                onVisible={onVisible}
                itemAt={itemAt}
                rowHeight={28}
                activeKey={shown}
                selected={none}
                onActive={setActive}
                onOpen={open}
                labelOf={(chain) => visibleLine(chain.title)}
                hasFocusOnMount
              />
            )
          }
        </Loadable>
      </div>
    </div>
  )
}

const pageSize = 500

/** The chains by pages: the one in sight and the next, so that a list of any length can be scrolled through. */
function useChains(text: string) {
  const [place, setPlace] = useState({ text, page: 0 })
  const page = place.text === text ? place.page : 0
  const read = { text, count: pageSize }
  const first = useRead('audit', 'chains', { ...read, from: 0 }, { keepsPrevious: true })
  const total = first.data?.total ?? 0
  const from = page * pageSize
  const here = useRead('audit', 'chains', { ...read, from }, { isEnabled: from < total })
  const next = useRead(
    'audit',
    'chains',
    { ...read, from: from + pageSize },
    { isEnabled: from + pageSize < total },
  )
  const onVisible = useCallback((top: number) => setPlace({ text, page: Math.floor(top / pageSize) }), [text])
  const pageAt = (number: number) =>
    number === 0 ? first : number === page ? here : number === page + 1 ? next : undefined
  const chainAt = (index: number): ChainInfo | undefined =>
    pageAt(Math.floor(index / pageSize))?.data?.chains[index % pageSize]
  return { chains: first, chainAt, onVisible }
}

function ChainsHead(props: {
  text: string
  onText: (text: string) => void
  all: ReturnType<typeof useVerifyAll>
}) {
  const { all } = props
  return (
    <header className="chains-head">
      <div className="line">
        <h1 className="page-title grow">Audit</h1>
        <input
          className="input chains-find"
          aria-label="Filter chains"
          placeholder="Filter"
          value={props.text}
          onChange={(event) => props.onText(event.target.value)}
        />
        <Button onPress={all.run} action="audit.verify" isDisabled={all.isRunning}>
          {all.isRunning ? 'Verifying' : 'Verify all'}
        </Button>
      </div>
      <p className="muted small" role="status">
        {all.answer ? (
          <Answer answer={all.answer} />
        ) : (
          'Every session has a chain of its own; the daemon has one too. Nothing in them can be changed without it showing.'
        )}
      </p>
      {all.problem && <ProblemLine problem={all.problem} />}
    </header>
  )
}

interface AllAnswer {
  readonly ok: boolean
  readonly chains: number
  readonly entries: number
  readonly durationMs: number
  readonly broken: readonly { chain: string }[]
}

function Answer(props: { answer: AllAnswer }) {
  const { ok, chains, entries, durationMs, broken } = props.answer
  const where = `${plural(entries, 'entry', 'entries')} in ${plural(chains, 'chain')}, ${Math.round(durationMs)} ms`
  return (
    <span className="line">
      <Lamp tone={ok ? 'clear' : 'danger'} shape={ok ? 'tick' : 'square'} />
      {ok ? `All intact: ${where}.` : `${plural(broken.length, 'chain')} broken: ${where}.`}
      {broken.slice(0, 5).map(({ chain }) => (
        <a key={chain} href={`#/audit/${encodeURIComponent(chain)}`}>
          {visibleLine(chain)}
        </a>
      ))}
    </span>
  )
}

function useVerifyAll() {
  const client = useClient()
  const { retry: readOverview } = useRead('fleet', 'overview', {})
  const [isRunning, setRunning] = useState(false)
  const [answer, setAnswer] = useState<AllAnswer | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const run = useCallback(() => {
    if (!client) return
    setRunning(true)
    setProblem(null)
    client.audit
      .verifyAll({})
      .then(setAnswer, (error: unknown) => setProblem(problemOf(error)))
      .then(readOverview)
      .finally(() => setRunning(false))
  }, [client, readOverview])
  return { run, isRunning, answer, problem }
}
