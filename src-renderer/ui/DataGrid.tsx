// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by the virtualiser, which tables do not allow
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useId,
  useRef,
} from 'react'
import './data-grid.css'

export interface Column<T> {
  readonly id: string
  readonly header: string
  /** A grid track: `76px`, `minmax(160px, 1fr)`. */
  readonly track: string
  readonly align?: 'right'
  /** The list can be sorted by it. */
  readonly isSortable?: boolean
  /** What the header means, where its word is short. */
  readonly hint?: string
  readonly render: (row: T) => ReactNode
}

/** What stands at one place of the list. A row that is not loaded yet draws a bar. */
export type GridItem<T> =
  | { readonly kind: 'row'; readonly key: string; readonly row: T }
  | {
      readonly kind: 'group'
      readonly key: string
      readonly title: string
      readonly facts: string
      readonly end: string
    }
  | { readonly kind: 'waiting'; readonly key: string }

export interface DataGridProps<T> {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly count: number
  readonly itemAt: (index: number) => GridItem<T>
  readonly rowHeight: number
  readonly activeKey: string | null
  readonly selected: ReadonlySet<string>
  readonly onActive: (key: string) => void
  readonly onToggle?: (key: string, isRange: boolean) => void
  readonly onOpen: (key: string) => void
  /** Indices now on screen, so that the window of rows can follow. */
  readonly onVisible?: (first: number, last: number) => void
  readonly labelOf: (row: T) => string
  readonly sort?: { readonly id: string; readonly isDescending: boolean }
  readonly onSort?: (id: string) => void
  /** Rows form a tree: depth from 0, and whether what is below is shown; undefined where nothing is. */
  readonly branchOf?: (row: T) => { readonly depth: number; readonly isOpen: boolean | undefined }
  /** Said of a row besides its marks: `gone`, `faint`. */
  readonly classOf?: (row: T) => string
  readonly hasFocusOnMount?: boolean
}

/** A virtualised grid: one tab stop, arrows move the active row, the rest of the keys go to the screen. */
export function DataGrid<T>(props: DataGridProps<T>) {
  const { count, rowHeight, activeKey } = props
  const id = useId()
  const latest = useRef(props)
  latest.current = props
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows have to be measured again when their height changes
  useEffect(() => virtual.measure(), [rowHeight, virtual])
  const items = virtual.getVirtualItems()
  useSight(props.onVisible, items[0]?.index ?? 0, items.at(-1)?.index ?? 0)
  useEffect(() => {
    if (props.hasFocusOnMount) scroller.current?.focus({ preventScroll: true })
  }, [props.hasFocusOnMount])
  const tracks = props.columns.map((column) => column.track).join(' ')
  const move = useMoves(props, scroller, (index) => virtual.scrollToIndex(index, { align: 'auto' }))
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole lint/a11y/noStaticElementInteractions: it is a grid, or a treegrid
    <div
      className="grid"
      ref={scroller}
      role={props.branchOf ? 'treegrid' : 'grid'}
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-colcount={props.columns.length}
      aria-multiselectable={props.onToggle !== undefined}
      aria-activedescendant={activeKey === null ? undefined : `${id}-${activeKey}`}
      onKeyDown={move}
      style={{ ['--tracks' as string]: tracks, ['--row-height' as string]: `${rowHeight}px` }}
    >
      <Header columns={props.columns} sort={props.sort} onSort={props.onSort} />
      <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
        {items.map((place) => {
          const item = props.itemAt(place.index)
          return (
            <Row
              key={place.index % lanesFor(items.length)}
              id={id}
              index={place.index}
              top={place.start}
              item={item}
              columns={props.columns}
              isActive={item.key === activeKey}
              isSelected={props.selected.has(item.key)}
              grid={latest}
            />
          )
        })}
      </div>
    </div>
  )
}

function useSight(onVisible: DataGridProps<never>['onVisible'], first: number, last: number): void {
  useEffect(() => onVisible?.(first, last), [onVisible, first, last])
}

/** Rows that scroll out lend their elements to those that come in, which is cheaper than making new ones. */
function lanesFor(count: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(count + 1)))
}

/** Arrow keys. The place of the active row is remembered, so that it is kept where its row is not loaded any more. */
function useMoves<T>(
  grid: DataGridProps<T>,
  scroller: RefObject<HTMLElement | null>,
  scrollTo: (index: number) => void,
): (event: KeyboardEvent) => void {
  const place = useRef(-1)
  return (event) => {
    const found = indexOfActive(grid)
    const page = Math.floor((scroller.current?.clientHeight ?? 0) / grid.rowHeight)
    const to = target(event.key, found >= 0 ? found : place.current, grid.count, page)
    if (to === null) return
    event.preventDefault()
    const isUp = event.key === 'ArrowUp' || event.key === 'PageUp' || event.key === 'End'
    const next = nearestRow(grid, to, isUp ? -1 : 1)
    if (next === null) return
    place.current = next.index
    scrollTo(next.index)
    if (next.key !== null) grid.onActive(next.key)
  }
}

function Header<T>(props: {
  columns: readonly Column<T>[]
  sort: DataGridProps<T>['sort']
  onSort: DataGridProps<T>['onSort']
}) {
  const { sort, onSort } = props
  return (
    <div className="grid-head" role="row" tabIndex={-1} aria-rowindex={1}>
      {props.columns.map((column) => {
        if (column.isSortable && onSort)
          return <SortableHeader key={column.id} column={column} sort={sort} onSort={onSort} />
        return (
          <span
            key={column.id}
            role="columnheader"
            tabIndex={-1}
            title={column.hint}
            className={column.align === 'right' ? 'num' : ''}
          >
            {column.header}
          </span>
        )
      })}
    </div>
  )
}

function SortableHeader<T>(props: {
  column: Column<T>
  sort: DataGridProps<T>['sort']
  onSort: (id: string) => void
}) {
  const { column, sort, onSort } = props
  const isSorted = sort?.id === column.id
  const order = sort?.isDescending ? 'descending' : 'ascending'
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the order has keys of its own on the screen
    <span
      role="columnheader"
      tabIndex={-1}
      title={column.hint}
      className={`sortable${isSorted ? ' sorted' : ''}${column.align === 'right' ? ' num' : ''}`}
      aria-sort={isSorted ? order : 'none'}
      onClick={() => onSort(column.id)}
    >
      {column.header}
      {isSorted && <i aria-hidden="true">{sort?.isDescending ? '↓' : '↑'}</i>}
    </span>
  )
}

interface RowProps<T> {
  readonly id: string
  readonly index: number
  readonly top: number
  readonly item: GridItem<T>
  readonly columns: readonly Column<T>[]
  readonly isActive: boolean
  readonly isSelected: boolean
  /** The grid as it is when something is pressed; its identity never changes. */
  readonly grid: RefObject<DataGridProps<T>>
}

/** A row is drawn again only when it, its place or its mark changed: a thousand changes a second touch the few in sight. */
function isSameRow<T>(before: RowProps<T>, now: RowProps<T>): boolean {
  return (
    before.top === now.top &&
    before.index === now.index &&
    before.columns === now.columns &&
    before.isActive === now.isActive &&
    before.isSelected === now.isSelected &&
    isSameItem(before.item, now.item)
  )
}

function isSameItem<T>(before: GridItem<T>, now: GridItem<T>): boolean {
  if (before === now) return true
  if (before.kind !== now.kind || before.key !== now.key) return false
  return before.kind === 'waiting' || (before.kind === 'row' && now.kind === 'row' && before.row === now.row)
}

const Row = memo(RowView, isSameRow) as typeof RowView

function RowView<T>(props: RowProps<T>) {
  const { item, columns } = props
  const place = { transform: `translateY(${props.top}px)` }
  const common = { 'aria-rowindex': props.index + 2, style: place }
  if (item.kind === 'group')
    return (
      <div role="row" tabIndex={-1} className="grid-group" {...common}>
        <span role="gridcell" tabIndex={-1} aria-colspan={columns.length} className="line">
          <strong className="strong cut">{item.title}</strong>
          <span className="muted small grow cut">{item.facts}</span>
          <span className="muted small num">{item.end}</span>
        </span>
      </div>
    )
  if (item.kind === 'waiting')
    return (
      <div role="row" tabIndex={-1} className="grid-row waiting" {...common} aria-busy="true">
        <span role="gridcell" tabIndex={-1} aria-colspan={columns.length} aria-label="loading" />
      </div>
    )
  return <DataRow {...props} item={item} place={common} />
}

function DataRow<T>(
  props: RowProps<T> & {
    item: Extract<GridItem<T>, { kind: 'row' }>
    place: { 'aria-rowindex': number; style: { transform: string } }
  },
) {
  const { item, columns, isActive, isSelected, grid } = props
  const branch = grid.current.branchOf?.(item.row)
  const more = grid.current.classOf?.(item.row) ?? ''
  const press = (event: MouseEvent) => {
    // The grid holds the focus, not the cell that was hit: keys go on from here.
    event.currentTarget.closest<HTMLElement>('.grid')?.focus({ preventScroll: true })
    grid.current.onActive(item.key)
    if (event.metaKey || event.ctrlKey || event.shiftKey) grid.current.onToggle?.(item.key, event.shiftKey)
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are served by the grid, which holds the focus
    <div
      role="row"
      tabIndex={-1}
      {...props.place}
      id={`${props.id}-${item.key}`}
      className={`grid-row${isActive ? ' active' : ''}${isSelected ? ' selected' : ''} ${more}`}
      aria-selected={isSelected || isActive}
      aria-level={branch && branch.depth + 1}
      aria-expanded={branch?.isOpen}
      aria-label={grid.current.labelOf(item.row)}
      onClick={press}
      onDoubleClick={() => grid.current.onOpen(item.key)}
    >
      {columns.map((column) => (
        <span
          key={column.id}
          role="gridcell"
          tabIndex={-1}
          className={column.align === 'right' ? 'num' : 'cut'}
        >
          {column.render(item.row)}
        </span>
      ))}
    </div>
  )
}

function indexOfActive<T>(grid: DataGridProps<T>): number {
  if (grid.activeKey === null) return -1
  for (let index = 0; index < grid.count; index += 1) {
    const item = grid.itemAt(index)
    if (item.kind === 'row' && item.key === grid.activeKey) return index
  }
  return -1
}

function target(key: string, at: number, count: number, page: number): number | null {
  const places: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  }
  const to = places[key]
  return to === undefined ? null : Math.max(0, Math.min(count - 1, to))
}

/** Steps over group lines; a row that is not loaded yet is only scrolled to. */
function nearestRow<T>(
  grid: DataGridProps<T>,
  from: number,
  step: 1 | -1,
): { index: number; key: string | null } | null {
  for (const direction of [step, -step])
    for (let index = from; index >= 0 && index < grid.count; index += direction) {
      const item = grid.itemAt(index)
      if (item.kind === 'row') return { index, key: item.key }
      if (item.kind === 'waiting') return { index, key: null }
    }
  return null
}
