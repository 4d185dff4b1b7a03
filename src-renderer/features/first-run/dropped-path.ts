/** The local folder that a drop names, as a path; null when it names none. File managers give `file:` addresses. */
export function droppedPath(uriList: string, plain: string): string | null {
  const uri = uriList.split(/\r?\n/).find((line) => line.startsWith('file://'))
  if (uri !== undefined && URL.canParse(uri)) return pathOf(new URL(uri))
  const line = plain.split(/\r?\n/)[0]?.trim() ?? ''
  if (line.startsWith('file://') && URL.canParse(line)) return pathOf(new URL(line))
  return /^(\/|~\/|[A-Za-z]:[\\/])/.test(line) ? line : null
}

function pathOf(url: URL): string | null {
  if (url.host !== '' && url.host !== 'localhost') return null
  try {
    const path = decodeURIComponent(url.pathname)
    return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path
  } catch {
    return null
  }
}
