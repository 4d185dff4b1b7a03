import type { CapabilityRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { heldThings } from './held.model.ts'

const cap = (id: number, more: Partial<CapabilityRow>): CapabilityRow => ({
  id,
  pid: 2,
  processName: 'session ses-a',
  sessionId: null,
  sessionTitle: null,
  kind: 'device',
  target: 'exec',
  rights: ['open'],
  parentId: null,
  expiresAtMs: null,
  uses: 0,
  lastUsedAtMs: null,
  ...more,
})

it('says each thing once, with what is open of it, and keeps the exact name in the hint', () => {
  const area = 'workarea:wka-2e4t5hi2se64me4l'
  const things = heldThings([
    cap(1, { target: area, uses: 3 }),
    cap(2, { target: 'tool:read_file', uses: 1 }),
    cap(3, { kind: 'handle', target: area, rights: ['read', 'write'], uses: 9 }),
    cap(4, { kind: 'process', target: '7', rights: ['send', 'kill'] }),
  ])
  expect(things.map(({ kind, name, rights }) => [kind, name, ...rights].join(' ').trim())).toEqual([
    'workarea read write',
    'tool:read_file',
    'process 7 send kill',
  ])
  expect(things[0]?.hint).toBe(`device ${area}: open, read, write; 3 uses`)
})
