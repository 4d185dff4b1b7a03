import type { ActivityBody } from '../../contract/activity.ts'
import type { Tool, ToolArguments, ToolContext, ToolResult } from '../../harness/core/tool.ts'
import type { WorkareaTools } from '../../ports/workarea-tools.ts'

/** Arguments are checked against the schema before; this only tells the compiler. */
function textIn(args: ToolArguments, name: string): string {
  const value = args[name]
  return typeof value === 'string' ? value : ''
}

function numberIn(args: ToolArguments, name: string, usual: number): number {
  const value = args[name]
  return typeof value === 'number' ? value : usual
}

function fine(text: string, details?: ToolResult['details']): ToolResult {
  return { text, isError: false, ...(details ? { details } : {}) }
}

const path = { type: 'string', minLength: 1, maxLength: 4096, description: 'Relative to the workarea.' }

function schema(properties: Record<string, unknown>, required: readonly string[]) {
  return { type: 'object', properties, required, additionalProperties: false }
}

/** What each tool is to people: the kind of its activities. */
export const toolKinds: Readonly<
  Record<string, NonNullable<Extract<ActivityBody, { kind: 'tool' }>['tool']>>
> = {
  read_file: 'read',
  list_files: 'search',
  search: 'search',
  write_file: 'edit',
  edit_file: 'edit',
  run_command: 'execute',
  update_plan: 'think',
  delegate: 'other',
}

/** The tools of the kernel agent on a session's workarea. */
export function workareaTools(area: WorkareaTools): readonly Tool[] {
  return [
    readTool(area),
    listTool(area),
    searchTool(area),
    writeTool(area),
    editTool(area),
    commandTool(area),
  ]
}

function readTool(area: WorkareaTools): Tool {
  return {
    name: 'read_file',
    description: 'Reads a text file. Lines are numbered from 1.',
    effects: 'read',
    schema: schema(
      {
        path,
        start_line: { type: 'integer', minimum: 1, default: 1 },
        line_count: { type: 'integer', minimum: 1, maximum: 5000, default: 2000 },
      },
      ['path'],
    ),
    summarize: (args) => `Read ${textIn(args, 'path')}`,
    execute: async (args) => {
      const file = await area.readText(textIn(args, 'path'))
      const lines = file.text.split('\n')
      const first = numberIn(args, 'start_line', 1)
      const shown = lines.slice(first - 1, first - 1 + numberIn(args, 'line_count', 2000))
      const rest = lines.length - (first - 1) - shown.length
      const more =
        rest > 0 || file.isCut ? `\n[${rest} more lines${file.isCut ? ', and the file goes on' : ''}]` : ''
      return fine(shown.join('\n') + more)
    },
  }
}

function listTool(area: WorkareaTools): Tool {
  return {
    name: 'list_files',
    description: 'Lists files and directories below a directory.',
    effects: 'read',
    schema: schema(
      { path: { ...path, default: '.' }, depth: { type: 'integer', minimum: 1, maximum: 10, default: 2 } },
      [],
    ),
    summarize: (args) => `List ${textIn(args, 'path')}`,
    execute: async (args) => {
      const { entries, isCut } = await area.list(textIn(args, 'path'), {
        depth: numberIn(args, 'depth', 2),
        most: 500,
      })
      const lines = entries.map(
        (entry) => `${entry.path}${entry.kind === 'directory' ? '/' : entry.kind === 'link' ? '@' : ''}`,
      )
      return fine(lines.join('\n') + (isCut ? '\n[more left out]' : '') || '[empty]')
    },
  }
}

function searchTool(area: WorkareaTools): Tool {
  return {
    name: 'search',
    description:
      'Finds lines in text files: a plain text, or an extended regular expression with is_pattern.',
    effects: 'read',
    schema: schema(
      {
        text: { type: 'string', minLength: 1, maxLength: 1000 },
        path: { ...path, default: '.' },
        ignore_case: { type: 'boolean', default: false },
        is_pattern: { type: 'boolean', default: false },
      },
      ['text'],
    ),
    summarize: (args) => `Search for ${textIn(args, 'text').slice(0, 80)}`,
    execute: (args, context) =>
      args.is_pattern === true ? grep(area, args, context) : findText(area, args, context),
  }
}

async function findText(
  area: WorkareaTools,
  args: ToolArguments,
  { signal }: ToolContext,
): Promise<ToolResult> {
  const ignoreCase = args.ignore_case === true
  const options = { path: textIn(args, 'path'), ignoreCase, most: 200, signal }
  const { lines, isCut } = await area.search(textIn(args, 'text'), options)
  const found = lines.map((line) => `${line.path}:${line.line}:${line.text}`).join('\n')
  return fine((found || '[nothing found]') + (isCut ? '\n[more left out]' : ''))
}

/** Patterns run in a program of their own behind the wall, since one from a model could take for ever. */
async function grep(area: WorkareaTools, args: ToolArguments, { signal }: ToolContext): Promise<ToolResult> {
  const options = ['-rnIE', '-m', '50', '--exclude-dir=.git', '--exclude-dir=node_modules']
  const caseOption = args.ignore_case === true ? ['-i'] : []
  const command = ['grep', ...options, ...caseOption, '-e', textIn(args, 'text'), '--', textIn(args, 'path')]
  const outcome = await area.run(command, { signal, timeoutMs: 20_000, maxOutputBytes: 32 * 1024 })
  if (outcome.code !== null && outcome.code > 1)
    return { text: outcome.stderr || 'the search failed', isError: true }
  if (outcome.isTimedOut) return { text: 'the search took too long', isError: true }
  return fine(outcome.stdout || '[nothing found]')
}

function writeTool(area: WorkareaTools): Tool {
  return {
    name: 'write_file',
    description: 'Writes a whole text file, new or over an old one. Directories are made as needed.',
    effects: 'write',
    schema: schema({ path, content: { type: 'string', maxLength: 1_000_000 } }, ['path', 'content']),
    summarize: (args) => `Write ${textIn(args, 'path')}`,
    execute: async (args) => {
      const { insertions, deletions, ...change } = await area.writeText(
        textIn(args, 'path'),
        textIn(args, 'content'),
      )
      return fine(
        `${change.isNew ? 'Created' : 'Wrote'} ${change.path}: +${insertions} −${deletions} lines.`,
        { insertions, deletions },
      )
    },
  }
}

function editTool(area: WorkareaTools): Tool {
  return {
    name: 'edit_file',
    description: 'Replaces a text in a file. old_text must be there exactly once, unless replace_all.',
    effects: 'write',
    schema: schema(
      {
        path,
        old_text: { type: 'string', minLength: 1, maxLength: 500_000 },
        new_text: { type: 'string', maxLength: 500_000 },
        replace_all: { type: 'boolean', default: false },
      },
      ['path', 'old_text', 'new_text'],
    ),
    summarize: (args) => `Edit ${textIn(args, 'path')}`,
    execute: async (args) => {
      const everywhere = args.replace_all === true
      const change = await area.edit(
        textIn(args, 'path'),
        textIn(args, 'old_text'),
        textIn(args, 'new_text'),
        everywhere,
      )
      const { insertions, deletions } = change
      return fine(`Edited ${change.path}: +${insertions} −${deletions} lines.`, { insertions, deletions })
    },
  }
}

const longestCommandMs = 600_000
const longestPauseMs = 14 * 86_400_000

function commandTool(area: WorkareaTools): Tool {
  return {
    name: 'run_command',
    description:
      'Runs a command line with sh in the workarea, without a terminal and mostly without network.',
    effects: 'write',
    // The command keeps its own time, which stands still while the session is paused.
    timeoutMs: longestPauseMs,
    schema: schema(
      {
        command: { type: 'string', minLength: 1, maxLength: 20_000 },
        timeout_s: { type: 'integer', minimum: 1, maximum: longestCommandMs / 1000, default: 120 },
      },
      ['command'],
    ),
    summarize: (args) => textIn(args, 'command').split('\n')[0]?.slice(0, 200) ?? '',
    execute: async (args, { signal, progress }) => {
      const timeoutMs = numberIn(args, 'timeout_s', 120) * 1000
      const outcome = await area.run(commandOf(args), {
        signal,
        timeoutMs,
        maxOutputBytes: 64 * 1024,
        onOutput: (_stream, chunk) => progress(chunk),
      })
      const output = [outcome.stdout, outcome.stderr].filter((text) => text !== '').join('\n')
      const ending = outcome.isTimedOut
        ? `[stopped: no end within ${timeoutMs / 1000} s]`
        : `[exit code ${outcome.code ?? outcome.signal}]`
      const text = `${output}${output === '' || output.endsWith('\n') ? '' : '\n'}${ending}`
      return { text, isError: outcome.isTimedOut || outcome.code !== 0, details: { exitCode: outcome.code } }
    },
  }
}

/** The model's command line for the shell that it is written for. */
export function commandOf(args: ToolArguments): readonly string[] {
  return ['sh', '-c', textIn(args, 'command')]
}
