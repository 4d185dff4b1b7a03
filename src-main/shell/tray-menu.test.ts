import { expect, it } from 'vitest'
import { trayLines, traySentence } from './tray-menu.ts'

const status = { state: 'ready', running: 2, needsYou: 1, queued: 0 } as const

it('says what runs and who is needed', () => {
  expect(traySentence(status)).toBe('Signalbox · ready · 2 running · 1 session needs you')
  expect(traySentence({ ...status, needsYou: 0, queued: 3 })).toBe('Signalbox · ready · 2 running · 3 queued')
})

it('offers to go on only while paused', () => {
  const actions = (state: 'ready' | 'paused' | 'draining') =>
    trayLines({ ...status, state }).flatMap((line) => (line?.action && line.isEnabled ? [line.action] : []))
  expect(actions('ready')).toEqual(['open', 'pause', 'drain', 'quit'])
  expect(actions('paused')).toEqual(['open', 'resume', 'drain', 'quit'])
  expect(actions('draining')).toEqual(['open', 'quit'])
})
