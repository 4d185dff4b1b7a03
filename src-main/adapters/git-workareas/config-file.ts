import { readFile, writeFile } from 'node:fs/promises'

type Entry = readonly [key: string, value: string]

/** `remote.origin.promisor` → section, sub-section and name; the sub-section may hold dots of its own. */
function partsOf(key: string) {
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  return {
    section: key.slice(0, first),
    subsection: first === last ? undefined : key.slice(first + 1, last),
    name: key.slice(last + 1),
  }
}

const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

function valueText(value: string): string {
  return quoted(value).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

function entryText([key, value]: Entry): string {
  const { section, subsection, name } = partsOf(key)
  const header = subsection === undefined ? section : `${section} ${quoted(subsection)}`
  return `[${header}]\n\t${name} = ${valueText(value)}\n`
}

/** The text that `git init` wrote, with the entries in place of what it says of them. */
export function configText(text: string, entries: readonly Entry[]): string {
  const replaced = new Set(entries.map(([key]) => key.toLowerCase()))
  let section = ''
  const kept = text.split('\n').filter((line) => {
    section = /^\[([a-z]+)\]$/i.exec(line)?.[1] ?? section
    const name = /^\t([a-z]+) = /i.exec(line)?.[1]
    return name === undefined || !replaced.has(`${section}.${name}`.toLowerCase())
  })
  return kept.join('\n') + entries.map(entryText).join('')
}

/** Sets values in the configuration of a fresh git directory of ours: a file is written, not one git run per value. */
export async function setConfig(file: string, entries: readonly Entry[]): Promise<void> {
  if (entries.length > 0) await writeFile(file, configText(await readFile(file, 'utf8'), entries))
}
