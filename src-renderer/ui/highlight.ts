import type { createLowlight } from 'lowlight'

type Root = ReturnType<ReturnType<typeof createLowlight>['highlight']>
type RootContent = Root['children'][number]

/** A run of characters with its colour role; null is plain. */
export interface Token {
  readonly text: string
  readonly role: string | null
}

/** Colours of a text, line by line; undefined when the language is not known or the text too long. */
export type Highlight = (language: string, text: string) => readonly (readonly Token[])[] | undefined

const most = 200_000

/** Loads the highlighter with the common languages, only when the first diff is looked at. */
export async function loadHighlight(): Promise<Highlight> {
  const { createLowlight, common } = await import('lowlight')
  const lowlight = createLowlight(common)
  return (language, text) => {
    if (text.length > most || !lowlight.registered(language)) return undefined
    return splitLines(lowlight.highlight(language, text))
  }
}

function splitLines(root: Root): Token[][] {
  const lines: Token[][] = [[]]
  const walk = (nodes: readonly RootContent[], role: string | null) => {
    for (const node of nodes) {
      if (node.type === 'text') addText(lines, node.value, role)
      else if (node.type === 'element')
        walk(node.children as RootContent[], roleOf(node.properties.className) ?? role)
    }
  }
  walk(root.children, null)
  return lines
}

function addText(lines: Token[][], value: string, role: string | null): void {
  for (const [index, text] of value.split('\n').entries()) {
    if (index > 0) lines.push([])
    if (text !== '') lines.at(-1)?.push({ text, role })
  }
}

const roles: Readonly<Record<string, string>> = {
  'hljs-keyword': 'keyword',
  'hljs-built_in': 'type',
  'hljs-type': 'type',
  'hljs-literal': 'number',
  'hljs-number': 'number',
  'hljs-string': 'string',
  'hljs-regexp': 'string',
  'hljs-symbol': 'string',
  'hljs-title': 'title',
  'hljs-section': 'title',
  'hljs-name': 'title',
  'hljs-selector-tag': 'keyword',
  'hljs-attr': 'title',
  'hljs-attribute': 'title',
  'hljs-comment': 'comment',
  'hljs-quote': 'comment',
  'hljs-meta': 'comment',
}

function roleOf(className: unknown): string | null {
  const names: readonly unknown[] = Array.isArray(className) ? className : [className]
  for (const name of names)
    if (typeof name === 'string' && Object.hasOwn(roles, name)) return roles[name] ?? null
  return null
}

const languages: Readonly<Record<string, string>> = {
  ts: 'typescript',
  tsx: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  json: 'json',
  css: 'css',
  scss: 'scss',
  less: 'less',
  html: 'xml',
  xml: 'xml',
  svg: 'xml',
  vue: 'xml',
  md: 'markdown',
  py: 'python',
  rb: 'ruby',
  go: 'go',
  rs: 'rust',
  java: 'java',
  kt: 'kotlin',
  swift: 'swift',
  c: 'c',
  h: 'c',
  cc: 'cpp',
  cpp: 'cpp',
  hpp: 'cpp',
  cs: 'csharp',
  php: 'php',
  pl: 'perl',
  lua: 'lua',
  r: 'r',
  sh: 'bash',
  bash: 'bash',
  zsh: 'bash',
  sql: 'sql',
  yml: 'yaml',
  yaml: 'yaml',
  toml: 'ini',
  ini: 'ini',
  diff: 'diff',
  patch: 'diff',
  graphql: 'graphql',
  gql: 'graphql',
  m: 'objectivec',
  makefile: 'makefile',
}

/** The language of a file by its name; undefined when there are no colours for it. */
export function languageOf(path: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  const ending = name.slice(name.lastIndexOf('.') + 1)
  return Object.hasOwn(languages, ending) ? languages[ending] : undefined
}
