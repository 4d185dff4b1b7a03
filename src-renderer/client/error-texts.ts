import { type ErrorCode, type ErrorData, errorTable, isErrorCode } from '@contract/errors.ts'

/** Words for a person: what happened, why if that is known, and what to do next. */
export interface ErrorText {
  readonly what: string
  readonly todo: string | null
}

/** An error as a view shows it. `code` and `incident` go into the details, never into the sentence. */
export interface Problem extends ErrorText {
  readonly code: string
  readonly incident: string | null
  readonly canRetry: boolean
  readonly data: Readonly<Record<string, unknown>>
}

type Texts = { readonly [C in ErrorCode]: (data: ErrorData<C>) => ErrorText }

const say = (what: string, todo: string | null = null): ErrorText => ({ what, todo })
const detail = (text: string | undefined) => (text ? ` ${text}` : '')

/** Words for every code; a code without words does not compile. */
export const errorTexts: Texts = {
  invalid_input: ({ issues }) =>
    say(`That cannot be used: ${issues.map((one) => one.message).join('; ')}.`, 'Correct it and try again.'),
  unknown_procedure: () =>
    say('This daemon does not know that request.', 'Update Signalbox so that both match.'),
  unauthorised: () => say('The daemon refused this window.', 'Close the window and open it again.'),
  forbidden: ({ reason, remedy }) => say(`That is not allowed: ${reason}`, remedy ?? null),
  too_large: ({ limitBytes }) =>
    say(`That is too large; at most ${limitBytes} bytes fit.`, 'Send less at once.'),
  internal: () =>
    say('Signalbox made a mistake.', 'Try again. If it stays, report the incident in the details.'),
  cancelled: () => say('That was cancelled.'),
  disconnected: () => say('The daemon does not answer.', 'It is tried again by itself; nothing is lost.'),
  daemon_draining: () =>
    say('The daemon is finishing its sessions and takes no new ones.', 'Start it again afterwards.'),
  daemon_paused: () => say('The daemon is paused.', 'Resume it first.'),
  not_found: ({ name }) => say(`${name} does not exist.`, 'It may have been removed since.'),
  session_not_found: () => say('That session does not exist.', 'It may have been removed.'),
  session_ended: () => say('The session has ended.', 'Start a new one that continues it.'),
  session_not_running: ({ status }) => say(`The session is not running: it is ${status}.`),
  session_not_paused: () => say('The session is not paused.'),
  session_still_running: () => say('The session is still running.', 'Stop it, or wait until it ends.'),
  not_replayable: ({ reason }) => say(`The session cannot be replayed: ${reason}`),
  ask_not_open: ({ answeredBy }) =>
    say(answeredBy ? `Already answered by ${answeredBy}.` : 'That question is no longer open.'),
  option_unknown: () => say('That answer is not among the choices.', 'Choose one that is shown.'),
  project_not_found: () => say('That repository is no longer on the list.', 'Add it again.'),
  project_in_use: ({ sessions }) =>
    say(`${sessions} of its sessions are not finished.`, 'Land, keep or discard them first.'),
  agent_unknown: ({ agent }) => say(`There is no agent named ${agent}.`, 'Choose another.'),
  agent_unavailable: ({ agent, state, remedy }) =>
    say(`${agent} cannot work now: ${state.replaceAll('_', ' ')}.`, remedy ?? 'See the Agents page.'),
  not_confined: ({ reason, remedy }) =>
    say(
      `This computer cannot confine agents: ${reason}`,
      remedy ?? 'Start it unconfined only if you trust it fully.',
    ),
  model_unknown: ({ model }) => say(`The model ${model} is not known.`, 'Choose one that the agent offers.'),
  model_key_missing: ({ provider }) => say(`There is no key for ${provider}.`, 'Add one under Settings.'),
  model_failed: ({ reason, remedy }) => say(`The model did not answer: ${reason}`, remedy ?? 'Try again.'),
  not_a_repository: ({ path }) => say(`${path} is not a git repository.`, 'Choose a folder that holds one.'),
  path_not_found: ({ path }) => say(`${path} does not exist.`, 'Check the path.'),
  path_not_readable: ({ path }) =>
    say(`${path} cannot be read.`, 'Change its permissions, or choose another.'),
  path_not_writable: ({ path }) =>
    say(`${path} cannot be written.`, 'Change its permissions, then try again.'),
  repository_other_owner: ({ path }) =>
    say(`${path} belongs to another user of this computer.`, 'Use a clone of your own.'),
  repository_empty: ({ path }) => say(`${path} has no commit yet.`, 'Make a first commit, then try again.'),
  repository_busy: (data) =>
    say(`Another git command works in ${data.path}.${detail(data.detail)}`, 'Wait for it, then try again.'),
  base_not_found: ({ base }) => say(`${base} is no branch, tag or commit here.`, 'Choose another start.'),
  git_missing: ({ reason, remedy }) => say(`git cannot be used: ${reason}`, remedy ?? 'Install git.'),
  git_failed: (data) =>
    say(`git ${data.command} failed.${detail(data.detail)}`, 'Read the message, then try again.'),
  disk_full: ({ path }) =>
    say(`There is no space left at ${path}.`, 'Free some space; the Storage page shows what is safe.'),
  workarea_not_found: () => say('The session has no workarea.'),
  workarea_gone: () =>
    say('The workarea no longer exists.', 'Its result may still be a commit; see the notes.'),
  nothing_to_land: () => say('The session changed nothing.', 'Discard it.'),
  land_conflict: ({ files, target }) =>
    say(
      `${files.length} files conflict with ${target}.`,
      'Send them to the agent, or keep the branch and merge by hand.',
    ),
  land_undo_refused: ({ reason, remedy }) => say(`Landing cannot be undone: ${reason}`, remedy ?? null),
  already_landed: () => say('The session has landed already.'),
  process_not_found: ({ pid }) => say(`Process ${pid} has ended.`, 'What it did stands in its session.'),
  process_protected: ({ pid, reason }) =>
    say(`Process ${pid} stays as it is: ${reason}`, 'Act on the session or the part that you mean.'),
  capability_not_found: () =>
    say('That capability is gone.', 'It was revoked, it expired, or its holder has ended.'),
  capability_not_wider: ({ reason }) =>
    say(`A capability can only become less: ${reason}`, 'Name less, or an earlier end.'),
  budget_refused: ({ resource, reason }) =>
    say(`The budget stays as it is (${resource}): ${reason}`, 'Name another limit, or raise the one above.'),
  budget_exceeded: ({ resource }) =>
    say(`The budget is used up: ${resource}.`, 'Raise it for a new session.'),
  secret_store_failed: ({ reason, remedy }) =>
    say(`The key could not be stored: ${reason}`, remedy ?? 'Try again.'),
  setting_invalid: (data) =>
    say(`${data.key} cannot be set to that. ${data.detail}`, 'Correct it and try again.'),
  journal_corrupt: ({ chain, sequence }) =>
    say(
      `The journal does not match its hashes, from entry ${sequence} of ${chain}.`,
      'Stop here and keep a copy of the state directory.',
    ),
  database_newer: ({ found, known }) =>
    say(
      `The data was written by a newer Signalbox (${found}, this one knows ${known}).`,
      'Start the newer one; nothing was changed.',
    ),
  database_unreadable: ({ path }) =>
    say(
      `${path} cannot be read as a database.`,
      'Restore it from the backup beside it; nothing was changed.',
    ),
  already_running: ({ pid }) =>
    say(`Signalbox already runs on this state directory (process ${pid}).`, 'Use that one.'),
}

/** Words for anything thrown. What is no known error counts as our own mistake. */
export function problemOf(error: unknown): Problem {
  const { code, data, incident } = readError(error)
  const parsed = errorTable[code].data.safeParse(data)
  const text = parsed.success ? wordsFor(code, parsed.data) : say('Something failed.', 'See the details.')
  return { ...text, code, incident, canRetry: errorTable[code].retry !== 'never', data }
}

function wordsFor(code: ErrorCode, data: unknown): ErrorText {
  const words = errorTexts[code] as (data: unknown) => ErrorText
  return words(data)
}

function readError(error: unknown): {
  code: ErrorCode
  data: Record<string, unknown>
  incident: string | null
} {
  if (typeof error !== 'object' || error === null) return { code: 'internal', data: {}, incident: null }
  const code =
    'code' in error && typeof error.code === 'string' && isErrorCode(error.code) ? error.code : 'internal'
  const data =
    'data' in error && typeof error.data === 'object' && error.data !== null ? { ...error.data } : {}
  const incident = 'incident' in error && typeof error.incident === 'string' ? error.incident : null
  return { code, data, incident }
}
