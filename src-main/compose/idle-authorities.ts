import type { Kernel } from '../kernel/kernel.ts'

/**
 * Forgets the names that only ended processes held (`workarea:…`, `net:…`, `model:…`), so that a long life does not
 * collect them. A name stays while anyone but the fleet's root holds something on it, and is looked at again when the next
 * process ends; devices with a driver always stay.
 */
export function forgetIdleAuthorities(kernel: Kernel): void {
  const granted = new Map<number, Set<string>>()
  const candidates = new Set<string>()
  let isDue = false
  const note = (pid: number, name: string) => {
    const names = granted.get(pid)
    if (names) names.add(name)
    else granted.set(pid, new Set([name]))
  }
  const sweep = () => {
    isDue = false
    for (const name of candidates) if (kernel.unregisterDevice(name, true)) candidates.delete(name)
  }
  kernel.subscribe((event) => {
    if (event.type === 'capability.granted') note(event.pid, event.capability.target)
    else if (event.type === 'capability.narrowed')
      for (const { target } of event.capabilities) note(event.pid, target)
    if (event.type !== 'process.exited') return
    for (const name of granted.get(event.pid) ?? []) candidates.add(name)
    granted.delete(event.pid)
    if (isDue || candidates.size === 0) return
    isDue = true
    // The kernel is in the middle of ending it, and its parts end right after it.
    queueMicrotask(sweep)
  })
}
