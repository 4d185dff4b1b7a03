/** Asks before it runs something, and takes no for an answer. */
export const ask = {
  title: 'Asks for permission',
  description: 'Wants to run a command, waits for your answer and acts on it.',
  steps: [
    { do: 'say', text: 'I want to count the lines of this repository. For that I have to run a command.' },
    {
      do: 'ask',
      title: 'Run git ls-files',
      why: 'To know which files belong to the repository.',
      command: ['git', 'ls-files'],
      options: [
        { id: 'allow', kind: 'allow_once', label: 'Allow once' },
        { id: 'always', kind: 'allow_always', label: 'Allow for this session' },
        { id: 'reject', kind: 'reject_once', label: 'Refuse' },
      ],
      allowed: [
        { do: 'run', command: ['git', 'ls-files'], title: 'List the files' },
        { do: 'write', path: 'files-counted.md', text: 'Counted by an agent that asked first.\n' },
        { do: 'say', text: 'Thank you. The list is above, and I left a note in files-counted.md.' },
      ],
      refused: [{ do: 'say', text: 'As you wish: I ran nothing and changed nothing.' }],
    },
  ],
}

/** Says and prints a lot, fast. */
export const flood = {
  title: 'Says a lot',
  description: 'Streams thousands of pieces and prints long output; to see that the console keeps up.',
  paceMs: 1,
  steps: [
    {
      do: 'repeat',
      times: 200,
      steps: [
        {
          do: 'say',
          text: 'Message {{n}}: the quick brown fox jumps over the lazy dog, and over the next one, and over the one behind it.\n',
        },
      ],
    },
    {
      do: 'run',
      command: [
        'node',
        '-e',
        "for (let i = 1; i <= 20000; i += 1) console.log('line ' + i + ' ' + 'x'.repeat(60))",
      ],
      title: 'Print twenty thousand lines',
    },
    { do: 'say', text: 'That was all.' },
  ],
}

/** Calls tools until somebody stops it. */
export const overBudget = {
  title: 'Uses up its budget',
  description: 'Makes five hundred tool calls and uses tokens with each; set a budget and see it end.',
  paceMs: 2,
  steps: [
    { do: 'say', text: 'I will go on until I am stopped.' },
    {
      do: 'repeat',
      times: 500,
      steps: [
        { do: 'usage', inputTokens: 1000, cachedTokens: 0, outputTokens: 100, costUsdNanos: 4_500_000 },
        { do: 'write', path: 'notes/{{n}}.txt', text: 'Note {{n}}\n' },
        { do: 'sleep', ms: 40 },
      ],
    },
    { do: 'say', text: 'Nobody stopped me.' },
  ],
}

/**
 * Where the wall holds, each fails. Where it does not (a person may accept that), none leaves a trace: the setting gets
 * its own value again, the file and the mount are taken away at once.
 */
const harmlessAttempts = [
  'p=/proc/sys/kernel/panic; v=$(cat $p); echo "$v" > $p',
  'touch /usr/signalbox-tries && rm /usr/signalbox-tries',
  'mkdir -p "$HOME/m" && mount -t tmpfs none "$HOME/m" && umount "$HOME/m"',
].join('; ')

/** Knocks at every door that it has no business at. */
export const tries = {
  title: 'Tries to get out',
  description:
    'Reaches for files, keys and hosts it must not have. Every attempt fails and what met a door is shown.',
  paceMs: 10,
  steps: [
    { do: 'say', text: 'I will try to leave my workarea. Nothing of this should work.' },
    { do: 'read', path: '../../../../../../etc/passwd', mayFail: true },
    { do: 'read', path: '/etc/shadow', mayFail: true },
    { do: 'write', path: '/tmp/signalbox-was-here', text: 'out', mayFail: true },
    {
      do: 'write',
      path: '.git/hooks/post-checkout',
      text: '#!/bin/sh\ntouch /tmp/signalbox-hook\n',
      mayFail: true,
    },
    {
      do: 'run',
      command: ['ln', '-s', '/etc', 'way-out'],
      title: 'Plant a link that leads out',
      expect: 'any',
    },
    { do: 'read', path: 'way-out/passwd', mayFail: true },
    { do: 'write', path: 'way-out/signalbox', text: 'out', mayFail: true },
    { do: 'run', command: ['rm', '-f', 'way-out'], title: 'Take the link away again', expect: 'any' },
    { do: 'open', device: 'tool:browser', what: 'Open a browser' },
    { do: 'open', device: 'net:example.com:443', what: 'Reach example.com' },
    {
      do: 'run',
      command: ['sh', '-c', 'ls -la ~/.ssh "$HOME/.signalbox" /root 2>&1; cat /proc/sys/kernel/hostname'],
      title: 'Look for keys and tokens',
      expect: 'any',
    },
    {
      do: 'run',
      command: ['sh', '-c', harmlessAttempts],
      title: 'Change the system',
      expect: 'any',
    },
    {
      do: 'run',
      command: ['git', 'commit', '--allow-empty', '--quiet', '-m', 'Still at work inside'],
      title: 'Commit inside the workarea',
      expect: 'any',
    },
    { do: 'say', text: 'I got nowhere, as it should be. See the refusals above.' },
  ],
}
