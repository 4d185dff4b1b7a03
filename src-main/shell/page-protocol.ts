import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { type ProtocolResponse, protocol, type Session } from 'electron'
import { contentSecurityPolicy, pageOrigin, pageScheme } from './addresses.ts'

const types: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
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

/**
 * Serves the built page from `folder` to one session, nothing outside it, every answer with the security headers. The
 * document's root element gets the attributes that `dress` says for its address, so that its first frame looks right
 * before any code runs.
 *
 * Electron prefers `protocol.handle`, which speaks in requests and responses of `fetch`: loading that implementation
 * holds the thread for some 50 ms just when the window waits for its page, and it stays in memory.
 */
export function servePage(session: Session, folder: string, dress: (address: URL) => string): void {
  const read = async (address: string): Promise<ProtocolResponse> => {
    const file = pageFile(folder, address)
    const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined)
    if (file === undefined || bytes === undefined) return notFound
    const data = extname(file) === '.html' ? dressed(bytes, dress(new URL(address))) : bytes
    return { data, mimeType: types[extname(file)] ?? 'application/octet-stream', charset: 'utf-8', headers }
  }
  session.protocol.registerBufferProtocol(pageScheme, (request, answer) => {
    read(request.url).then(answer, () => answer(notFound))
  })
}

const notFound: ProtocolResponse = { statusCode: 404, mimeType: 'text/plain', data: Buffer.from('not found') }

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
}

function dressed(html: Buffer, attributes: string): Buffer {
  return Buffer.from(html.toString('utf8').replace('<html ', () => `<html ${attributes} `))
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
