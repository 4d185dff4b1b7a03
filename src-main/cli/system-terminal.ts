import { createInterface } from 'node:readline/promises'
import type { Screen, Terminal } from './terminal.ts'

/** The terminal that this process was started in. Questions are asked only where a person sits at both ends. */
export function createTerminal(isJson: boolean): Terminal {
  const hasPerson = process.stdin.isTTY === true && process.stdout.isTTY === true
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    write: (words) => void process.stdout.write(words),
    isJson,
    hasColour: !isJson && process.stdout.isTTY === true && !process.env.NO_COLOR,
    columns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
    async ask(question) {
      if (!hasPerson) return undefined
      const lines = createInterface({ input: process.stdin, output: process.stdout })
      const line = await lines.question(question)
      lines.close()
      return line
    },
    openScreen: () => (hasPerson && !isJson ? openScreen(process.stdin, process.stdout) : undefined),
  }
}

const escapeCharacter = '\u001b'
const sequence = `${escapeCharacter}[`
/** A key as a terminal sends it: an escape sequence (arrows, paging) or one character. */
const keys = new RegExp(`${escapeCharacter}(?:\\[[0-9;]*[A-Za-z~]|O[A-Z])|.`, 'gsu')

/** The other screen of the terminal, without a cursor; and back again. */
const takeScreen = `${sequence}?1049h${sequence}?25l`
const giveBack = `${sequence}?25h${sequence}?1049l`

function openScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Screen {
  input.setRawMode(true)
  input.resume()
  output.write(takeScreen)
  const size = () => ({ columns: output.columns || 80, rows: output.rows || 24 })
  return {
    size,
    draw(lines) {
      const shown = lines.slice(0, size().rows).map((line) => `${line}${sequence}K`)
      output.write(`${sequence}H${shown.join('\r\n')}${sequence}J`)
    },
    onKey(listener) {
      const hear = (bytes: Buffer) => {
        for (const [key] of bytes.toString('utf8').matchAll(keys)) listener(key)
      }
      input.on('data', hear)
      return () => void input.off('data', hear)
    },
    close() {
      output.write(giveBack)
      input.setRawMode(false)
      input.pause()
    },
  }
}
