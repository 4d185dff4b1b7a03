/** What of the caller's environment git needs; everything else stays out. */
export interface UserEnvironment {
  readonly PATH?: string | undefined
  readonly HOME?: string | undefined
  readonly XDG_CONFIG_HOME?: string | undefined
}

type Env = Readonly<Record<string, string>>

const always = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  GIT_TERMINAL_PROMPT: '0',
  GIT_PROGRESS_DELAY: '0',
  GIT_EDITOR: 'false',
  GIT_PAGER: 'cat',
}

const pathOf = (user: UserEnvironment) => user.PATH ?? '/usr/local/bin:/usr/bin:/bin'

/** Environment of git in our own directories: no configuration of the user, the system or the agent is read. */
export function hostEnvironment(user: UserEnvironment, emptyHome: string): Env {
  return {
    ...always,
    PATH: pathOf(user),
    HOME: emptyHome,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
  }
}

/** Environment of git in the user's repository: the user's own configuration counts (safe.directory, LFS filters). */
export function userEnvironment(user: UserEnvironment, emptyHome: string): Env {
  return {
    ...always,
    PATH: pathOf(user),
    HOME: user.HOME ?? emptyHome,
    ...(user.XDG_CONFIG_HOME ? { XDG_CONFIG_HOME: user.XDG_CONFIG_HOME } : {}),
  }
}

const noPrograms = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'protocol.allow=never',
  '-c',
  'gc.auto=0',
  '-c',
  'maintenance.auto=false',
  '-c',
  'submodule.recurse=false',
  '-c',
  'core.quotePath=false',
  '-c',
  'commit.gpgSign=false',
]

/** Options before the command in the user's repository: no hooks, no monitor, no network, no housekeeping. */
export const userOptions: readonly string[] = noPrograms

/** The same for our own directories, and nothing that a file of the work tree could name. */
export const hostOptions: readonly string[] = [
  ...noPrograms,
  '-c',
  'core.attributesFile=/dev/null',
  '-c',
  'core.excludesFile=/dev/null',
  '-c',
  'diff.external=',
]

/** Lets one call read from a repository on this disk; every other transport stays off. */
export const allowLocalFetch: readonly string[] = ['-c', 'protocol.file.allow=always']
