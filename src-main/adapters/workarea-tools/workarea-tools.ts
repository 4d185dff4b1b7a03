import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandOptions, OpenWorkareaTools } from '../../ports/workarea-tools.ts'
import { codeOf } from './contained-path.ts'
import { editText, readText, writeText } from './files.ts'
import { listTree, searchTree } from './tree.ts'

/** A Node that is there on every machine: the product's own binary with `ELECTRON_RUN_AS_NODE=1`, or a real one. */
export interface NodeProgram {
  /** By real path. */
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  /** Its install root, read-only behind the wall. */
  readonly reads: readonly string[]
}

/** Looked up behind the wall, where only these exist of what a person has on the PATH. */
const searchPath = '/usr/local/bin:/usr/bin:/bin'
const plainEnvironment = {
  PATH: searchPath,
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  GIT_TERMINAL_PROMPT: '0',
  NO_COLOR: '1',
}

/** Whose commits these are where the workarea does not say it itself; its own settings win over this file. */
const identity = '[user]\n\tname = Signalbox agent\n\temail = agent@signalbox.invalid\n'

/** Tools on a session's workarea and, through `session.run`, behind its wall. */
export function createWorkareaTools(options: { readonly node: NodeProgram }): OpenWorkareaTools {
  return (session) => {
    const root = session.workareaPath
    return {
      readText: (path) => readText(root, path),
      writeText: (path, text) => writeText(root, path, text),
      edit: (path, find, replacement, everywhere) => editText(root, path, find, replacement, everywhere),
      list: (path, limits) => listTree(root, path, limits),
      search: (text, limits) => searchTree(root, text, limits),
      run: async (command, limits) => {
        await giveIdentity(session.home)
        return session.run(launchOf(command, options.node), runOptions(limits))
      },
    }
  }
}

function launchOf(command: readonly string[], node: NodeProgram) {
  const [program = '', ...args] = command
  if (program === 'node')
    return { file: node.file, args, env: { ...plainEnvironment, ...node.env }, reads: node.reads }
  // `env` finds the program behind the wall, so that we do not decide by what lies in front of it.
  return { file: '/usr/bin/env', args: [program, ...args], env: plainEnvironment }
}

function runOptions(limits: CommandOptions): CommandOptions & { readonly stdin: string } {
  return { ...limits, stdin: '' }
}

async function giveIdentity(home: string): Promise<void> {
  try {
    await writeFile(join(home, '.gitconfig'), identity, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}
