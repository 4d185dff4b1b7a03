// Writes THIRD-PARTY-NOTICES.txt: the licences of everything that ends up in the package, from the installed packages.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { electronInUse } from './get-electron.mjs'
import { projectRoot } from './project.mjs'

const modules = join(projectRoot, 'node_modules')

/** Development programs: nothing of them is bundled into out/ or packed beside it. */
const toolsOnly =
  /^(@biomejs\/|@electron\/|@types\/|@vitejs\/|@vitest\/|axe-core$|electron|fast-check$|knip$|oxc-parser$|playwright$|typescript$|vite$|vitest$)/

function readPackage(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    return undefined
  }
}

/** Finds a package as Node does: beside the one that asks for it, then further out. */
function find(name, from) {
  for (let at = from; at.startsWith(modules); at = join(at, '..')) {
    const folder = join(at, 'node_modules', name)
    if (readPackage(folder)) return folder
  }
  return readPackage(join(modules, name)) ? join(modules, name) : undefined
}

/** Every package that the product's own dependencies lead to, folder → package.json. */
function shippedPackages() {
  const own = readPackage(projectRoot)
  const names = [...Object.keys(own.dependencies), ...Object.keys(own.devDependencies)]
  const open = names.filter((name) => !toolsOnly.test(name)).map((name) => find(name, modules))
  const seen = new Map()
  for (let folder = open.pop(); folder || open.length; folder = open.pop()) {
    if (!folder || seen.has(folder)) continue
    const json = readPackage(folder)
    seen.set(folder, json)
    const needed = Object.keys({ ...json.dependencies, ...json.peerDependencies })
    open.push(...needed.filter((name) => !toolsOnly.test(name)).map((name) => find(name, folder)))
  }
  return [...seen]
}

function licenceText(folder) {
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|notice|copying|ofl)/i.test(name))
  return files.sort().flatMap((name) => {
    try {
      return [readFileSync(join(folder, name), 'utf8').trim()]
    } catch {
      return []
    }
  })
}

function entry([folder, json]) {
  const licence = typeof json.license === 'string' ? json.license : (json.license?.type ?? 'see its text')
  const texts = licenceText(folder)
  return {
    name: `${json.name} ${json.version}`,
    text: [
      `${json.name} ${json.version}`,
      `Licence: ${licence}`,
      '',
      ...(texts.length ? texts : ['(no licence file in the package)']),
    ].join('\n'),
  }
}

/** Writes the file and returns how many packages it names. */
export function writeNotices(file = join(projectRoot, 'THIRD-PARTY-NOTICES.txt')) {
  const entries = shippedPackages()
    .map(entry)
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
  const unique = [...new Map(entries.map((one) => [one.name, one])).values()]
  const rule = `\n\n${'-'.repeat(80)}\n\n`
  const electron = electronInUse()
  const head = [
    'Signalbox contains the following third-party software.',
    `It runs on Electron${electron ? ` ${electron.version}` : ''}, whose notices (with those of Chromium and Node.js) lie beside the program as LICENSE.electron.txt and LICENSES.chromium.html.`,
  ].join('\n')
  writeFileSync(file, `${[head, ...unique.map(({ text }) => text)].join(rule)}\n`)
  return unique.length
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(`THIRD-PARTY-NOTICES.txt names ${writeNotices()} packages`)
}
