import { expect, it } from 'vitest'
import { createOwnNames, createTargetNames, type Held } from './target-name.ts'

const held = (target: string, more: Partial<Held> = {}): Held => ({
  kind: 'device',
  target,
  pid: 1,
  processName: 'fleet',
  sessionId: null,
  sessionTitle: null,
  ...more,
})
const of = (id: string, title: string | null, pid: number) => ({
  sessionId: id as never,
  sessionTitle: title,
  pid,
  processName: `session ${id}`,
})

it('calls a workarea by the session that holds it, for everybody who has to do with it', () => {
  const area = 'workarea:wka-2e4t5hi2se64me4l'
  const nameOf = createTargetNames([held(area), held(area, of('ses-a', 'Retry webhooks', 5))])
  expect(nameOf(held(area))).toEqual({ name: 'workarea of Retry webhooks', isOwn: false })
  expect(nameOf(held(area, of('ses-a', 'Retry webhooks', 5))).isOwn).toBe(true)
  expect(nameOf(held(area, of('ses-b', 'Another', 6)))).toEqual({
    name: 'workarea of Retry webhooks',
    isOwn: false,
  })
})

it('keeps an id that nobody known holds, cut, and every other name', () => {
  const nameOf = createTargetNames([held('exec')])
  expect(nameOf(held('workarea:wka-2e4t5hi2se64me4l')).name).toBe('workarea wka-2e…me4l')
  expect(nameOf(held('net:a.example:443')).name).toBe('net:a.example:443')
  expect(nameOf(held('workarea:outside')).name).toBe('outside the workarea')
})

it('calls a process by its name and its session', () => {
  const nameOf = createTargetNames([
    held('exec', of('ses-a', 'Retry webhooks', 5)),
    held('exec', { ...of('ses-a', 'Retry webhooks', 7), processName: 'turn ses-a' }),
    held('exec', { pid: 9, processName: 'house' }),
  ])
  const process = (pid: number) => nameOf(held(String(pid), { kind: 'process' })).name
  expect([process(5), process(7), process(9), process(11)]).toEqual([
    'Retry webhooks',
    'turn of Retry webhooks',
    'house',
    '11',
  ])
})

it('leaves the id away where only one holder’s own things are shown, unless it has several', () => {
  const area = 'workarea:wka-2e4t5hi2se64me4l'
  const nameOf = createOwnNames([area, 'workarea:outside', 'tool:read_file'])
  expect([area, 'workarea:outside', 'tool:read_file'].map(nameOf)).toEqual([
    'workarea',
    'outside the workarea',
    'tool:read_file',
  ])
  expect(createOwnNames([area, 'workarea:wka-aaaaaaaaaaaaaaaa'])(area)).toBe('workarea wka-2e…me4l')
})
