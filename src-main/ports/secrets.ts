/** Keys of model providers. Never in a fact, a log, an environment of a child or a crash report. */
export interface Secrets {
  /** Where keys lie: the system's keychain, or an owner-only file because there is none. */
  readonly store: 'keychain' | 'file'
  get(name: string): Promise<string | undefined>
  set(name: string, value: string): Promise<void>
  remove(name: string): Promise<void>
  names(): Promise<readonly string[]>
}
