import { memo } from 'react'
import { formatDuration, formatStep } from '../format/duration.ts'
import { layOutTrack, meaningOf, type PassedBlock, type TrackSegment } from '../format/track.ts'
import type { LampTone } from './Lamp.tsx'
import './track.css'

type Phase = TrackSegment['phase']

interface TrackState {
  readonly blocks: readonly PassedBlock[]
  readonly phase: Phase
  readonly tone: LampTone
  /** The session still runs, so the lit block grows. */
  readonly isMoving: boolean
  /** It ended in this block, against its will or by yours: a buffer stands at the end. */
  readonly isStopped: boolean
  readonly nowMs: number
}

/** Says what the drawing shows, for readers and tooltips. */
export function describeTrack(state: TrackState): string {
  const segments = layOutTrack(state.blocks, state.phase, state.nowMs, state.isMoving)
  const passed = segments
    .filter((one) => one.kind !== 'ahead' && one.spentMs !== null)
    .map(
      (one) => `${one.phase} ${formatDuration(one.spentMs)}${one.times > 1 ? ` (${one.times} times)` : ''}`,
    )
  const end = state.isStopped ? ', stopped there' : ''
  return `Now in ${state.phase}, which ${meaningOf(state.phase)}${end}. ${passed.join(', ')}`
}

const width = 104
const gap = 2

/** The strip of blocks in a row, 12 px high. */
export const Track = memo(function Track(props: TrackState) {
  const segments = layOutTrack(props.blocks, props.phase, props.nowMs, props.isMoving)
  const paths = { passed: '', ahead: '', current: '' }
  let end = 0
  for (const { kind, start, width: share } of segments) {
    const x = start * width
    const w = Math.max(1.5, share * width - gap)
    if (kind === 'current') {
      paths.current += `M${x.toFixed(1)} 3h${w.toFixed(1)}v6h-${w.toFixed(1)}z`
      end = x + w
    } else paths[kind] += `M${x.toFixed(1)} 6h${w.toFixed(1)}`
  }
  return (
    <svg
      className={`track ${props.tone}`}
      width={width}
      height="12"
      role="img"
      aria-label={describeTrack(props)}
    >
      <path className="passed" d={paths.passed} />
      <path className="ahead" d={paths.ahead} />
      <path className="current" d={paths.current} />
      {props.isStopped && <path className="buffer" d={`M${(end + 0.5).toFixed(1)} 0v12`} />}
    </svg>
  )
})

/** Room for the block's own name, so that names never run into each other. */
function leastWidth(segment: TrackSegment, isNarrow: boolean): number {
  const characters = segment.phase.length + (segment.times > 1 ? 3 : 0)
  return characters * 6 + (isNarrow ? 4 : 16)
}

/** The labelled track of the session page and the inspector, 40 px high. */
export function BigTrack(props: TrackState & { isNarrow?: boolean }) {
  const segments = layOutTrack(props.blocks, props.phase, props.nowMs, props.isMoving)
  return (
    <div
      className={`big-track ${props.tone}${props.isNarrow ? ' narrow' : ''}`}
      role="img"
      aria-label={describeTrack(props)}
    >
      {segments.map((one) => (
        <div
          key={one.phase}
          className={one.kind}
          style={{ flex: `${one.width} 1 ${leastWidth(one, props.isNarrow ?? false)}px` }}
          title={`${one.phase}: ${meaningOf(one.phase)}`}
        >
          <span className="name">
            {one.phase}
            {one.times > 1 && <span className="times"> ×{one.times}</span>}
          </span>
          <span className={`rail${one.kind === 'current' && props.isStopped ? ' stopped' : ''}`} />
          <span className="spent">{one.kind === 'ahead' || !one.spentMs ? '' : formatStep(one.spentMs)}</span>
        </div>
      ))}
    </div>
  )
}
