import type { Activity, ActivityBody } from '@contract/activity.ts'
import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import type { Ask, SessionDetail, SessionRow } from '@contract/session.ts'
import type { ChangedFile, FileDiff } from '@contract/workarea.ts'
import { now } from './sessions.ts'

const id = <T>(text: string) => text as T

export function askFor(row: SessionRow): Ask {
  return {
    id: id(`ask-${row.id.slice(4)}`),
    sessionId: row.id,
    sessionTitle: row.title,
    agent: row.agent,
    toolCallId: 'c9',
    title: 'npm install p-retry@6',
    command: ['npm', 'install', 'p-retry@6'],
    paths: [],
    hosts: [],
    why: 'Needs network packages.example, which this session does not hold. Policy ask-before-network.',
    options: [
      { id: 'once', kind: 'allow_once', label: 'Allow once' },
      { id: 'always', kind: 'allow_always', label: 'Allow for this session' },
      { id: 'no', kind: 'reject_once', label: 'Deny' },
    ],
    askedAtMs: now - 40_000,
    expiresAtMs: now + 9 * 60_000,
  }
}

export function detailFor(row: SessionRow): SessionDetail {
  const held = (device: string, uses: number, refusals = 0) => ({
    device,
    state: 'held' as const,
    uses,
    refusals,
  })
  return {
    row,
    prompt: 'Retry webhooks with jitter',
    repositoryPath: '/home/you/payments-api',
    workareaPath: '/home/you/.signalbox/workareas/wka-0193',
    baseRef: 'main',
    baseCommit: '3f9c2e1aa',
    capabilities: row.workareaId
      ? [
          held('workarea:read write', 31, 1),
          held('tool:git, node, npm', 12),
          held('model:gpt-5.2', 44),
          held('agent:spawn 2', 0),
        ]
      : [],
    asks: row.openAsks > 0 ? [askFor(row)] : [],
    route: {
      policy: 'declared',
      candidates: [row.agent],
      chosen: row.agent,
      reason: 'It is the one that was asked for.',
    },
    notes: ['Borrows objects of /home/you/payments-api; nothing was copied.'],
    landed: null,
    replayProblem: row.runtime === 'scripted' ? 'It was not recorded, or its recording was removed.' : null,
    replays: null,
    queuedPrompts: [],
    activityCount: 12,
  }
}

const bodies: readonly (readonly [number, ActivityBody])[] = [
  [
    0,
    {
      kind: 'prompt',
      text: 'Retry webhooks with jitter. Honour Retry-After, and stop on 4xx other than 408, 425, 429.',
    },
  ],
  [
    11,
    {
      kind: 'plan',
      entries: [
        { text: 'Read the delivery path and its tests', status: 'completed' },
        { text: 'Move the schedule into backoff.ts', status: 'completed' },
        { text: 'Use p-retry or keep our own loop', status: 'in_progress' },
        { text: 'Tests for 408, 425, 429 and Retry-After', status: 'pending' },
      ],
    },
  ],
  [
    62,
    {
      kind: 'tool',
      callId: 'c1',
      status: 'completed',
      tool: 'read',
      paths: ['src/webhooks/deliver.ts'],
      output: Array.from({ length: 118 }, (_, i) => `line ${i + 1}`).join('\n'),
    },
  ],
  [
    220,
    {
      kind: 'tool',
      callId: 'c2',
      status: 'completed',
      tool: 'edit',
      paths: ['src/webhooks/backoff.ts'],
      insertions: 31,
      deletions: 0,
    },
  ],
  [
    318,
    {
      kind: 'tool',
      callId: 'c3',
      status: 'completed',
      tool: 'edit',
      paths: ['src/webhooks/deliver.ts'],
      insertions: 64,
      deletions: 29,
    },
  ],
  [
    362,
    {
      kind: 'tool',
      callId: 'c4',
      status: 'failed',
      tool: 'execute',
      command: ['npm', 'test', '--', 'webhooks'],
      exitCode: 1,
      durationMs: 18_400,
      output: 'PASS 12\n\n✗ waits Retry-After seconds when given\n  expected 2000, received 500\n',
    },
  ],
  [
    391,
    {
      kind: 'refused',
      what: 'read ~/.ssh/config',
      device: 'fs',
      reason: 'Holds no capability for it. The session went on.',
    },
  ],
  [
    404,
    {
      kind: 'response',
      messageId: 'm1',
      text: 'The parser ignores the header because fetch lower-cases it in our stub. ',
    },
  ],
  [
    405,
    {
      kind: 'response',
      messageId: 'm1',
      text: 'I can fix the stub, or take p-retry, which reads it.\u202e <b>not markup</b>',
    },
  ],
  [512, { kind: 'asked', askId: id('ask-000000'), title: 'npm install p-retry@6' }],
]

export function activitiesFor(row: SessionRow): Activity[] {
  return bodies.map(([second, body], index) => ({
    cursor: index + 1,
    atMs: (row.startedAtMs ?? now) + second * 1000,
    body,
  }))
}

const file = (
  path: string,
  insertions: number,
  deletions: number,
  more: Partial<ChangedFile> = {},
): ChangedFile => ({
  path,
  oldPath: null,
  status: 'modified',
  insertions,
  deletions,
  isBinary: false,
  oldMode: '100644',
  newMode: '100644',
  oldSizeBytes: 1200,
  newSizeBytes: 2400,
  ...more,
})
export const files: readonly ChangedFile[] = [
  file('src/webhooks/backoff.ts', 31, 0, { status: 'added' }),
  file('src/webhooks/deliver.ts', 64, 29),
  file('src/webhooks/types.ts', 3, 0),
  file('test/webhooks/deliver.test.ts', 18, 10),
  file('test/webhooks/stub.ts', 1, 1),
  file('package.json', 1, 1),
  file('docs/flow.png', 0, 0, { isBinary: true, insertions: null, deletions: null }),
  file('bin/run', 0, 0, { newMode: '100755' }),
]

const code = `  import { sign } from './sign.ts'
+ import { backoff, isRetryable } from './backoff.ts'
  
  export async function deliver(hook: Webhook, body: Uint8Array): Promise<Outcome> {
-   for (let attempt = 0; attempt < 5; attempt++) {
-     const res = await post(hook.url, body, sign(hook, body))
-     if (res.ok) return 'delivered'
-     await sleep(1000 * attempt)
-   }
+   const schedule = backoff({ baseMs: 500, capMs: 60_000, jitter: hook.random })
+   for (const waitMs of schedule) {
+     const res = await post(hook.url, body, sign(hook, body))
+     if (res.ok) return 'delivered'
+     if (!isRetryable(res.status)) return 'refused'      // 4xx other than 408, 425, 429
+     await sleep(res.retryAfterMs ?? waitMs)
+   }
    return 'exhausted'
  }`

function hunkFrom(
  text: string,
  oldStart: number,
  newStart: number,
  header: string,
): FileDiff['hunks'][number] {
  let old = oldStart
  let fresh = newStart
  const lines = text.split('\n').map((line): FileDiff['hunks'][number]['lines'][number] => {
    const kind = line[0] === '+' ? 'added' : line[0] === '-' ? 'removed' : 'context'
    return {
      kind,
      text: line.slice(2),
      oldLine: kind === 'added' ? null : old++,
      newLine: kind === 'removed' ? null : fresh++,
    }
  })
  return { header, oldStart, oldCount: old - oldStart, newStart, newCount: fresh - newStart, lines }
}

export function diffFor(path: string): FileDiff {
  const found = files.find((one) => one.path === path) ?? files[1]!
  const second = `  function post(url: string, body: Uint8Array, signature: string) {
-   return fetch(url, { method: 'POST', body, headers: { signature } })
+   return fetch(url, { method: 'POST', body, headers: { signature }, redirect: 'error',
+     signal: AbortSignal.timeout(10_000) })
  }`
  const hunks =
    found.isBinary || path === 'bin/run'
      ? []
      : [hunkFrom(code, 12, 12, 'src/webhooks/deliver.ts'), hunkFrom(second, 53, 56, 'deliver()')]
  const dot =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  return { file: found, hunks, omittedLines: 0, oldImage: null, newImage: path.endsWith('.png') ? dot : null }
}

const kinds: readonly (readonly [string, string, string, AuditEntry['tone']])[] = [
  ['session-accepted', 'operator:local', 'Retry webhooks with jitter, budget $1.50, 600k tokens', 'plain'],
  ['routing-decision', 'daemon:m1', 'codex, the one that was asked for', 'plain'],
  ['workarea-acquired', 'daemon:m1', 'wka-0193 from main at 3f9c2e1, objects borrowed', 'plain'],
  ['agent-materialised', 'daemon:m1', 'codex 0.169.0, confined: files, network', 'plain'],
  ['session-started', 'kernel:1', 'Process 118', 'plain'],
  ['capability-granted', 'kernel:1', 'model gpt-5.2, workarea, git, node, npm', 'plain'],
  ['session-asked', 'session:ses-000000', 'May it run npm test -- webhooks', 'plain'],
  ['session-answered', 'operator:local', 'Allowed for this session', 'plain'],
  ['workarea-changed', 'session:ses-000000', '2 files, +31 −0', 'plain'],
  ['workarea-changed', 'session:ses-000000', '6 files, +118 −41', 'plain'],
  ['capability-refused', 'kernel:1', 'read ~/.ssh/config: no capability', 'danger'],
  ['session-asked', 'session:ses-000000', 'May it run npm install p-retry@6', 'caution'],
]
const hash = (n: number) =>
  Array.from({ length: 8 }, (_, i) =>
    ((n * 2654435761 + i * 40503) >>> 0).toString(16).padStart(8, '0'),
  ).join('')

export const entries: readonly AuditEntry[] = kinds.map(([eventKind, actorId, summary, tone], index) => ({
  seq: 400 + index * 3,
  sequence: index + 1,
  eventKind,
  actorId,
  summary,
  tone,
  body: JSON.stringify({
    action: 'exec',
    argv: ['npm', 'install', 'p-retry@6'],
    missing: ['network:packages.example:443'],
    policyRevision: 14,
    spentUsdNanos: 840114300,
  }),
  previousHash: index === 0 ? '0'.repeat(64) : hash(index),
  entryHash: hash(index + 1),
  occurredAt: new Date(now - (40 - index * 3) * 60_000).toISOString(),
}))

export function reportFor(chain: string, isBroken: boolean): AuditReport {
  return {
    chain,
    ok: !isBroken,
    entries: entries.length,
    firstSequence: 1,
    lastSequence: entries.length,
    head: hash(12),
    problemCount: isBroken ? 1 : 0,
    problems: isBroken
      ? [
          {
            sequence: 7,
            kind: 'hash',
            severity: 'error',
            detail: 'The stored hash is not that of the stored bytes.',
          },
        ]
      : [],
    proves: [
      'Nobody changed, removed or reordered these entries without recomputing every later one.',
      'It does not prove that the daemon told the truth when it wrote them, nor what happened outside the workarea.',
    ],
    verifiedAtMs: now - 40_000,
    durationMs: 3,
  }
}
