import type { KeyBinding } from '../ui/keyboard-match.ts'

const of = (
  scope: string,
  verb: string,
  keys: readonly string[],
  label: string,
  more: Pick<KeyBinding, 'isInFoot' | 'isNative'> = {},
): KeyBinding => ({
  scope,
  action: `${scope}.${verb}`,
  keys,
  label,
  repeats: /^(next|previous)/.test(verb),
  ...more,
})

const foot = { isInFoot: true }
const native = { isInFoot: true, isNative: true }

/** The one key table. Screens come in the order of the rail. */
export const screens = [
  'fleet',
  'needs-you',
  'queue',
  'agents',
  'audit',
  'storage',
  'cost',
  'settings',
] as const

export const keyTable: readonly KeyBinding[] = [
  of('global', 'palette', ['Mod+K'], 'search or run a command'),
  of('global', 'keys', ['?', 'F1'], 'all keys', foot),
  of('global', 'new', ['Mod+N'], 'new session'),
  ...screens.map((screen, index) =>
    of('global', `go-${screen}`, [`Mod+${index + 1}`], `go to ${screen.replace('-', ' ')}`),
  ),

  of('fleet', 'move', ['ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'], 'move', native),
  of('fleet', 'open', ['Enter'], 'open', foot),
  of('fleet', 'allow', ['Y'], 'allow once', foot),
  of('fleet', 'review', ['R'], 'review', foot),
  of('fleet', 'stop', ['Mod+.'], 'stop', foot),
  of('fleet', 'new', ['N'], 'new session'),
  of('fleet', 'select', ['X', 'Space'], 'select'),
  of('fleet', 'next-attention', ['A'], 'next that needs you'),
  of('fleet', 'group', ['G'], 'change grouping'),
  of('fleet', 'previous-view', ['['], 'previous state'),
  of('fleet', 'next-view', [']'], 'next state'),
  of('fleet', 'pause', ['Z'], 'pause or resume'),
  of('fleet', 'find', ['/', 'Mod+F'], 'filter'),
  of('fleet', 'inspector', ['Mod+I'], 'show or hide the inspector'),
  of('fleet', 'leave', ['Escape'], 'clear selection and filter'),

  of('ask', 'allow', ['Y'], 'allow: once to arm, again to confirm'),
  of('ask', 'confirm', ['Enter'], 'confirm the armed answer'),
  of('ask', 'deny', ['N'], 'deny'),
  of('ask', 'leave', ['Escape'], 'leave the question'),

  of('needs-you', 'next', ['J', 'ArrowDown'], 'next question', foot),
  of('needs-you', 'previous', ['K', 'ArrowUp'], 'previous question', foot),
  of('needs-you', 'allow', ['Y'], 'allow once', foot),
  of('needs-you', 'open', ['Enter'], 'open the session', foot),

  of('session', 'next', ['J'], 'next step', foot),
  of('session', 'previous', ['K'], 'previous step', foot),
  of('session', 'error', ['E'], 'next error'),
  of('session', 'follow', ['F'], 'follow the end'),
  of('session', 'allow', ['Y'], 'allow once'),
  of('session', 'note', ['C'], 'note on a line', foot),
  of('session', 'prompt', ['R'], 'tell the agent', foot),
  of('session', 'next-change', ['N'], 'next change', foot),
  of('session', 'previous-change', ['P'], 'previous change'),
  of('session', 'next-file', [']'], 'next file'),
  of('session', 'previous-file', ['['], 'previous file'),
  of('session', 'split', ['U'], 'unified or split'),
  of('session', 'white-space', ['W'], 'ignore white space'),
  of('session', 'land', ['L'], 'land', foot),
  of('session', 'undo', ['Mod+Z'], 'undo the landing'),
  of('session', 'keep', ['Shift+K'], 'keep the branch'),
  of('session', 'pause', ['Z'], 'pause or resume'),
  of('session', 'stop', ['Mod+.'], 'stop', foot),
  of('session', 'copy-id', ['Mod+Shift+C'], 'copy the id'),
  of('session', 'back', ['Escape'], 'back to the fleet'),
  of('composer', 'send', ['Mod+Enter'], 'send'),
  of('composer', 'leave', ['Escape'], 'leave the field'),
  of('note', 'done', ['Mod+Enter'], 'keep the note'),
  of('note', 'leave', ['Escape'], 'keep the note and go back'),

  of('audit', 'move', ['ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'], 'move', native),
  of('audit', 'open', ['Enter'], 'open', foot),
  of('audit', 'verify', ['V'], 'verify', foot),
  of('audit', 'next-problem', ['N'], 'next problem', foot),
  of('audit', 'previous-problem', ['P'], 'previous problem'),
  of('audit', 'goto', ['G'], 'go to entry', foot),
  of('audit', 'back', ['Escape'], 'all chains'),

  of('agents', 'refresh', ['V'], 'look again', foot),
  of('storage', 'reclaim', ['Enter'], 'reclaim what is picked', foot),
  of('cost', 'table', ['T'], 'chart or table', foot),
  of('cost', 'copy', ['C'], 'copy as CSV', foot),
  of('first-run', 'demo', ['Enter'], 'run the demo', foot),
  of('first-run', 'open', ['Mod+O'], 'open a repository', foot),
  of('new-session', 'start', ['Mod+Enter'], 'start the session'),
  of('new-session', 'cancel', ['Escape'], 'close', { isNative: true }),
]
