import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { protocol, type Session } from 'electron'
import { contentSecurityPolicy, pageOrigin, pageScheme } from './addresses.ts'

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** Announces the page's scheme. Electron wants this before the application is ready. */
export function announcePageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: pageScheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ])
}

/** The last answers are still on their way this long, in milliseconds, when all have been given. */
const handOverMs = 20

/**
 * Serves the built page from `folder` to one session, nothing outside it, every answer with the security headers. What
 * it returns resolves when a page has got its scripts: until then whatever else holds this thread holds up the page.
 */
export function servePage(session: Session, folder: string): Promise<void> {
  const served = Promise.withResolvers<void>()
  let open = 0
  let hasScript = false
  const answer = async (file: string): Promise<Response> => {
    const bytes = await readFile(file).catch(() => undefined)
    if (bytes === undefined) return new Response('not found', { status: 404 })
    hasScript ||= extname(file) === '.js'
    return new Response(new Uint8Array(bytes), { headers: headersFor(file) })
  }
  session.protocol.handle(pageScheme, async (request) => {
    const file = pageFile(folder, request.url)
    if (file === undefined) return new Response('not found', { status: 404 })
    open += 1
    const response = await answer(file)
    open -= 1
    if (open === 0 && hasScript) setTimeout(served.resolve, handOverMs)
    return response
  })
  return served.promise
}

function pageFile(folder: string, address: string): string | undefined {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  if (`${url.protocol}//${url.host}` !== pageOrigin) return undefined
  const path = decodePath(url.pathname)
  if (path === undefined || path.includes('\0')) return undefined
  const file = normalize(join(folder, path === '/' ? 'index.html' : path))
  return file.startsWith(folder + sep) ? file : undefined
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function headersFor(file: string): Record<string, string> {
  return {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  }
}
