/** A place on the screen, in device-independent pixels. */
export interface Bounds {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** What is kept of a window between two starts. */
export interface WindowState {
  readonly bounds: Bounds
  readonly isMaximized: boolean
}

const smallest = { width: 640, height: 480 }
/** So much of a window has to be on a display for a person to be able to take hold of it. */
const gripPx = 120

/** Reads a stored state; undefined for anything that is not one. */
export function parseWindowState(text: string): WindowState | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('bounds' in value)) return undefined
  const bounds = parseBounds(value.bounds)
  return bounds && { bounds, isMaximized: 'isMaximized' in value && value.isMaximized === true }
}

function parseBounds(value: unknown): Bounds | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const read = (name: string): number => {
    const found: unknown = Reflect.get(value, name)
    return typeof found === 'number' && Number.isFinite(found) ? Math.round(found) : Number.NaN
  }
  const bounds = { x: read('x'), y: read('y'), width: read('width'), height: read('height') }
  return Object.values(bounds).some(Number.isNaN) ? undefined : bounds
}

/**
 * Fits a window to the displays that are there now: it keeps its place when enough of it can be seen, else only its size,
 * cut to the first display.
 */
export function fitToDisplays(wanted: Bounds, displays: readonly Bounds[]): Partial<Bounds> {
  const first = displays[0]
  const width = Math.max(smallest.width, Math.min(wanted.width, first?.width ?? wanted.width))
  const height = Math.max(smallest.height, Math.min(wanted.height, first?.height ?? wanted.height))
  const isVisible = displays.some((display) => {
    const seenWidth = Math.min(wanted.x + width, display.x + display.width) - Math.max(wanted.x, display.x)
    const isTitleOn = wanted.y >= display.y && wanted.y < display.y + display.height - gripPx / 2
    return seenWidth >= gripPx && isTitleOn
  })
  const isPlaced = wanted.x !== -1 || wanted.y !== -1
  return isPlaced && isVisible ? { x: wanted.x, y: wanted.y, width, height } : { width, height }
}
