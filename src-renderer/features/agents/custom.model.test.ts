import { expect, it } from 'vitest'
import { emptyDraft, parseDraft, splitWords } from './custom.model.ts'

it('splits a command as typed, without expanding anything', () => {
  expect(splitWords(`/opt/my agent --acp`)).toEqual(['/opt/my', 'agent', '--acp'])
  expect(splitWords(`"/opt/my agent" --x '$HOME' ""`)).toEqual(['/opt/my agent', '--x', '$HOME', ''])
  expect(splitWords(`'open`)).toBeNull()
  expect(splitWords('  ')).toEqual([])
})

it('reads a whole draft', () => {
  expect(
    parseDraft({
      name: 'mine',
      command: '/bin/mine acp',
      env: 'A=b=c\n\n_X=',
      hosts: 'api.example:443, *.example:80',
    }),
  ).toEqual({
    ok: true,
    value: {
      name: 'mine',
      file: '/bin/mine',
      args: ['acp'],
      env: { A: 'b=c', _X: '' },
      hosts: ['api.example:443', '*.example:80'],
    },
  })
})

it('says what is wrong', () => {
  const good = { ...emptyDraft, name: 'mine', command: '/bin/mine' }
  for (const bad of [
    { name: 'Mine' },
    { command: '' },
    { command: "'" },
    { env: '1A=b' },
    { hosts: 'https://x' },
  ])
    expect(parseDraft({ ...good, ...bad }).ok).toBe(false)
})
