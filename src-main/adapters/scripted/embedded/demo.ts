/** Mends the sample repository; in any other repository it looks around and leaves a note. */
export const demo = {
  title: 'Demo: mend a price list',
  description:
    'A recorded agent, no key and no network: finds a real bug, runs real tests, commits the repair.',
  paceMs: 85,
  steps: [
    {
      do: 'when',
      exists: 'src/price.js',
      steps: [
        {
          do: 'think',
          text: 'A price with few cents loses its zero. I want to see it fail before I touch anything.',
        },
        {
          do: 'say',
          text: 'I will look at how prices are written, run the tests to see the failure, mend it, and run them again.',
        },
        {
          do: 'plan',
          entries: [
            { text: 'Read how prices are formatted', status: 'in_progress' },
            { text: 'See the failing test', status: 'pending' },
            { text: 'Mend formatPrice', status: 'pending' },
            { text: 'Run the tests again and commit', status: 'pending' },
          ],
        },
        { do: 'usage', inputTokens: 2140, cachedTokens: 0, outputTokens: 96, costUsdNanos: null },
        { do: 'read', path: 'src/price.js' },
        { do: 'sleep', ms: 900 },
        { do: 'read', path: 'test/price.test.js' },
        { do: 'sleep', ms: 700 },
        {
          do: 'plan',
          entries: [
            { text: 'Read how prices are formatted', status: 'completed' },
            { text: 'See the failing test', status: 'in_progress' },
            { text: 'Mend formatPrice', status: 'pending' },
            { text: 'Run the tests again and commit', status: 'pending' },
          ],
        },
        { do: 'run', command: ['node', '--test'], title: 'Run the tests', expect: 'failure' },
        { do: 'usage', inputTokens: 3380, cachedTokens: 2048, outputTokens: 71, costUsdNanos: null },
        { do: 'sleep', ms: 600 },
        {
          do: 'think',
          text: '105 % 100 is 5, and it is put into the text as "5". Two digits are needed, so the rest has to be padded.',
        },
        {
          do: 'say',
          text: 'The test shows it: 105 cents come out as "$1.5". The rest after the division is a number and loses its leading zero when it becomes text. I pad it to two digits.',
        },
        {
          do: 'plan',
          entries: [
            { text: 'Read how prices are formatted', status: 'completed' },
            { text: 'See the failing test', status: 'completed' },
            { text: 'Mend formatPrice', status: 'in_progress' },
            { text: 'Run the tests again and commit', status: 'pending' },
          ],
        },
        {
          do: 'edit',
          path: 'src/price.js',
          find: 'const rest = cents % 100',
          replace: "const rest = String(cents % 100).padStart(2, '0')",
        },
        { do: 'usage', inputTokens: 4010, cachedTokens: 3328, outputTokens: 158, costUsdNanos: null },
        { do: 'sleep', ms: 900 },
        { do: 'run', command: ['node', '--test'], title: 'Run the tests again' },
        {
          do: 'plan',
          entries: [
            { text: 'Read how prices are formatted', status: 'completed' },
            { text: 'See the failing test', status: 'completed' },
            { text: 'Mend formatPrice', status: 'completed' },
            { text: 'Run the tests again and commit', status: 'in_progress' },
          ],
        },
        { do: 'commit', message: 'Keep the zero of a few cents\n\n105 cents are $1.05, not $1.5.' },
        { do: 'usage', inputTokens: 4620, cachedTokens: 3968, outputTokens: 84, costUsdNanos: null },
        {
          do: 'plan',
          entries: [
            { text: 'Read how prices are formatted', status: 'completed' },
            { text: 'See the failing test', status: 'completed' },
            { text: 'Mend formatPrice', status: 'completed' },
            { text: 'Run the tests again and commit', status: 'completed' },
          ],
        },
        {
          do: 'say',
          text: 'Done. `formatPrice` keeps two digits now, all tests pass, and the repair is committed on this branch. One line changed in src/price.js; have a look at the diff, then land it or discard it.',
        },
      ],
      else: [
        {
          do: 'say',
          text: 'This is not the sample repository that I know how to mend. I will look around, leave a note in my own workarea and commit it; your checkout stays as it is.',
        },
        { do: 'list', path: '.' },
        {
          do: 'write',
          path: 'signalbox-demo.md',
          text: '# A note from the demo agent\n\nIt was written in a private clone. Land it, or discard it and nothing is left.\n',
        },
        { do: 'run', command: ['git', 'status', '--short'], title: 'See what changed' },
        { do: 'commit', message: 'Add a note from the demo agent' },
        { do: 'say', text: 'The note is committed on this branch. Look at the diff, then discard it.' },
      ],
    },
  ],
  followUp: [
    {
      do: 'say',
      text: "I am a recorded agent and can't do new things, but I can show that the work still stands. You asked: {{prompt}}",
    },
    {
      do: 'run',
      command: ['git', 'log', '--oneline', '-n', '3'],
      title: 'Show the last commits',
      expect: 'any',
    },
  ],
}
