/** What one room may import besides itself. A trailing `*` stands for any ending. */
export interface Law {
  readonly rooms: readonly string[]
  /** Rooms of which only types may be imported. */
  readonly types?: readonly string[]
  readonly packages: readonly string[]
}

const node = ['node:*']
const interfaceParts = ['react', 'react-dom', '@base-ui/react', 'lucide-react']
const powers = ['contract', 'ports']

/** The import law: rooms in the order of the house, the inner ones first. Adapters name the one library they wrap. */
const laws: Readonly<Record<string, Law>> = {
  contract: { rooms: [], packages: ['zod'] },
  domain: { rooms: ['contract'], packages: [] },
  ports: { rooms: ['contract'], packages: [] },
  kernel: { rooms: [], packages: [] },
  userland: { rooms: [], types: ['kernel'], packages: [] },
  drivers: { rooms: ['ports'], types: ['kernel'], packages: node },
  'harness/core': { rooms: ['contract'], types: ['kernel'], packages: [] },
  'harness/batteries': { rooms: ['harness/core'], packages: [] },
  store: {
    rooms: ['contract', 'domain'],
    types: ['kernel', 'harness*'],
    packages: ['better-sqlite3', 'node:crypto', 'node:fs', 'node:path', 'node:url'],
  },
  adapters: { rooms: powers, types: ['kernel', 'harness*'], packages: node },
  'adapters/acp': { rooms: powers, types: ['kernel'], packages: [...node, '@agentclientprotocol/sdk'] },
  'adapters/scripted': { rooms: powers, packages: [...node, 'zod'] },
  'adapters/docker-executor': { rooms: powers, types: ['kernel'], packages: [...node, 'dockerode'] },
  // The executor and the shim are one part: the wall, the forward and the child's pipes (architecture.md §3.17, §3.19).
  'adapters/system-executor': { rooms: [...powers, 'shim'], types: ['kernel'], packages: node },
  'adapters/models': {
    rooms: powers,
    types: ['kernel', 'harness*'],
    packages: [...node, 'ai', '@ai-sdk*', 'zod'],
  },
  'adapters/mcp': {
    rooms: powers,
    types: ['kernel', 'harness*'],
    packages: [...node, '@modelcontextprotocol*'],
  },
  workers: {
    rooms: ['contract', 'wire', 'store', 'domain'],
    packages: ['node:worker_threads', 'node:crypto', 'node:fs', 'node:path', 'node:url', 'better-sqlite3'],
  },
  app: { rooms: ['contract', 'domain', 'kernel', 'ports', 'store'], packages: [] },
  wire: { rooms: ['contract'], packages: [] },
  http: { rooms: ['contract', 'wire'], packages: ['node:http', 'node:crypto', 'node:net'] },
  'http/compat': { rooms: ['contract', 'wire'], packages: ['node:http'] },
  gateway: {
    rooms: powers,
    types: ['kernel'],
    packages: ['node:http', 'node:https', 'node:tls', 'node:crypto'],
  },
  runtime: { rooms: ['contract', 'kernel', 'userland', 'harness*'], packages: [...node, '@grpc*'] },
  shell: { rooms: powers, packages: ['electron', ...node] },
  'config.ts': { rooms: ['contract'], packages: ['zod', ...node] },
  'shim.ts': { rooms: ['contract', 'shim'], packages: node },
  shim: { rooms: ['contract'], packages: node },
  'cli.ts': { rooms: ['contract', 'wire', 'cli', 'config.ts'], packages: node },
  // `http` for the one function that talks to the daemon's socket.
  cli: { rooms: ['contract', 'wire', 'http', 'config.ts'], packages: node },
  'compose.ts': { rooms: rooms('compose'), packages: ['zod', ...node] },
  compose: { rooms: rooms('compose'), packages: ['zod', ...node] },
  'daemon.ts': { rooms: ['compose.ts', ...rooms('compose')], packages: ['zod', ...node] },
  'demo.ts': { rooms: ['compose.ts', 'cli', ...rooms('compose')], packages: node },
  'main.ts': { rooms: ['compose.ts', 'shell', ...rooms('compose')], packages: ['electron', ...node] },
  'layers.ts': { rooms: [], packages: [] },
  preload: { rooms: [], packages: ['electron'] },
  client: { rooms: ['contract', 'wire'], packages: ['react', '@tanstack/react-query'] },
  format: { rooms: [], types: ['contract'], packages: [] },
  ui: {
    rooms: ['format'],
    packages: [...interfaceParts, '@tanstack/react-virtual', 'cmdk', 'highlight.js', 'lowlight', 'hast'],
  },
  'ui/charts': { rooms: ['ui', 'format'], packages: [...interfaceParts, 'recharts'] },
  stores: { rooms: [], types: ['contract'], packages: ['zustand'] },
  features: {
    rooms: ['client', 'ui*', 'format', 'stores'],
    types: ['contract'],
    packages: [...interfaceParts, '@tanstack/react-query', '@tanstack/react-virtual'],
  },
  frame: {
    rooms: ['features*', 'client', 'ui*', 'stores', 'format'],
    types: ['contract'],
    packages: [...interfaceParts, '@tanstack/react-query', 'cmdk', '@fontsource-variable*'],
  },
  'main.tsx': {
    rooms: ['features*', 'frame', 'client', 'ui*', 'stores', 'format'],
    packages: [...interfaceParts, '@tanstack/react-query', '@fontsource-variable*'],
  },
}

/** The wiring sees every room of the core; Electron's coat and the page are outside. */
function rooms(self: string): readonly string[] {
  const core = [
    'contract',
    'domain*',
    'ports',
    'kernel',
    'userland',
    'drivers',
    'harness*',
    'store',
    'adapters*',
    'workers',
    'shim',
  ]
  return [self, 'config.ts', 'app', 'wire', 'http*', 'gateway', 'runtime', ...core]
}

/** Rooms whose subfolders are rooms of their own, which do not see each other. */
const divided = ['adapters', 'features']

/** Breaches that stand for a reason, as the test prints them. This list only ever gets shorter. */
export const exceptions: readonly string[] = []

/** The room of a file, from its path below the project: `adapters/acp`, `domain`, `main.ts`. */
export function roomOf(path: string): string {
  if (path.startsWith('src-preload/')) return 'preload'
  const inside = /^src-(?:main|renderer)\/(.+)$/.exec(path)?.[1]
  if (inside === undefined) return 'outside'
  const [first = '', second = ''] = inside.split('/')
  const pair = `${first}/${second}`
  const isFile = inside === first
  if (isFile) return first
  if (laws[pair] || (divided.includes(first) && inside.split('/').length > 2)) return pair
  return first
}

/** The law of a room; undefined when there is no such room. */
export function lawOf(room: string): Law | undefined {
  return laws[room] ?? laws[room.split('/')[0] ?? '']
}

/** Tests, benches and their fixtures, which may look around in more rooms than what they test. */
export function isTestFile(path: string): boolean {
  return /(\.(test|bench|reference|suite|torture|fixture)|\/test-[\w-]+)\.tsx?$/.test(path)
}

/** What tests of a room may import: page and main stay apart, and Electron stays out. */
export function testLawOf(room: string): Law {
  const packages = [...node, 'vitest', 'fast-check', 'zod', ...(lawOf(room)?.packages ?? [])]
  const page = ['client', 'format', 'ui*', 'stores', 'features*', 'frame']
  const isPage = matchesPage(room, page)
  return isPage
    ? { rooms: [...page, 'contract', 'wire'], packages }
    : {
        rooms: ['compose.ts', 'layers.ts', 'shell', 'outside', ...rooms('compose')],
        // Benches of the kernel have xstate's actors beside them.
        packages: [...packages, 'better-sqlite3', 'xstate'],
      }
}

function matchesPage(room: string, page: readonly string[]): boolean {
  const first = room.split('/')[0] ?? ''
  return page.some((one) => one === first || one === `${first}*`)
}
