import { createInterface } from 'node:readline/promises'
import type { Terminal } from './terminal.ts'

/** The terminal that this process was started in. Questions are asked only where a person sits at both ends. */
export function createTerminal(isJson: boolean): Terminal {
  const hasPerson = process.stdin.isTTY === true && process.stdout.isTTY === true
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    write: (words) => void process.stdout.write(words),
    isJson,
    hasColour: !isJson && process.stdout.isTTY === true && !process.env.NO_COLOR,
    async ask(question) {
      if (!hasPerson) return undefined
      const lines = createInterface({ input: process.stdin, output: process.stdout })
      const line = await lines.question(question)
      lines.close()
      return line
    },
  }
}
