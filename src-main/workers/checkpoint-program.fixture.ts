import { createStore } from '../store/store.ts'
import { createCheckpointer } from './checkpointer.ts'

/** The setting that the nth commit makes. */
export const slotsOf = (n: number): number => 1 + (n % 32)

/** Commits without a pause and tells each when it has returned, while the thread copies, chases and ends the log. */
async function runToBeKilled(file: string): Promise<void> {
  const store = createStore({ file, newId: () => 'machine1' })
  createCheckpointer({
    store,
    after(ms, fn) {
      const timer = setTimeout(fn, ms / 10)
      return () => clearTimeout(timer)
    },
    warn: (message, fields) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    limits: { chased: 1500, ended: 3000 },
  })
  for (let n = 1; ; n++) {
    store.transact(() => {
      const text = `${n} `.repeat(5000)
      store.activities.append('ses-1', [{ atMs: n, body: { kind: 'progress', text } }], null)
      store.commit({
        facts: [{ type: 'settings.changed', subject: 'slots', payload: { key: 'slots', value: slotsOf(n) } }],
        effects: [],
        actor: 'operator',
        atMs: n,
        commandId: null,
      })
    })
    process.stdout.write(`${n}\n`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const [, script, file] = process.argv
if (script?.endsWith('checkpoint-program.fixture.ts') && file) await runToBeKilled(file)
