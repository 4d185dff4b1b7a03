/** A process's name without the id of the session beside which it is shown anyway: `session ses-ab12` is `session`. */
export function shortProcessName(name: string, sessionId: string | null): string {
  if (sessionId === null || !name.includes(sessionId)) return name
  const short = name
    .replace(sessionId, '')
    .replace(/[\s:/-]+$/, '')
    .trim()
  return short === '' ? name : short
}
