/** A guest's call that is refused before it reaches the kernel; it learns the code and the words. */
export class SandboxRefusal extends Error {
  override readonly name = 'SandboxRefusal'
  readonly code: 'ECAP' | 'EINVAL'

  constructor(code: 'ECAP' | 'EINVAL', message: string) {
    super(message)
    this.code = code
  }
}
