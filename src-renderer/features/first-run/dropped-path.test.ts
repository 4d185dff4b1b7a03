import { expect, it } from 'vitest'
import { droppedPath } from './dropped-path.ts'

it('reads what file managers drop', () => {
  expect(droppedPath('# x\r\nfile:///home/a/my%20work\r\n', '')).toBe('/home/a/my work')
  expect(droppedPath('', 'file:///C:/work/x')).toBe('C:/work/x')
  expect(droppedPath('', '/srv/work')).toBe('/srv/work')
})

it('takes nothing that is no local folder', () => {
  for (const bad of ['https://a/b', 'file://host/share', 'file:///%zz', 'hello', ''])
    expect(droppedPath(bad, bad)).toBeNull()
})
