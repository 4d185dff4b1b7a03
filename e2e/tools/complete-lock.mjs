// Completes package-lock.json after `npm install` against a registry that lacks packages for other platforms.
//
// npm leaves such optional packages out of the lock, and then `npm ci` refuses the lock on every machine. The entries
// added here name version and platform; npm fetches them only on that platform, without a pinned hash.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './project.mjs'

const file = join(projectRoot, 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))
const { packages } = lock

/** The place in the tree where Node would find `name` from `from`, or undefined. */
function find(from, name) {
  for (
    let at = from;
    ;
    at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : ''
  ) {
    const place = `${at ? `${at}/` : ''}node_modules/${name}`
    if (packages[place]) return place
    if (at === '') return undefined
  }
}

/** Reads the platform from a name such as `@scope/binding-linux-x64-musl`. */
function platformOf(name) {
  const [, os, cpu, kind] =
    /-(android|darwin|freebsd|linux|win32|openharmony)-([a-z0-9]+)(?:-(\w+))?$/.exec(name) ?? []
  if (!os) return undefined
  const libc = os === 'linux' ? { libc: [kind?.startsWith('musl') ? 'musl' : 'glibc'] } : {}
  return { os: [os], cpu: [cpu], ...libc }
}

function addMissing() {
  let added = 0
  for (const [from, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const platform = platformOf(name)
      if (!platform || !/^\d+\.\d+\.\d+$/.test(version)) continue
      const found = find(from, name)
      if (found && packages[found].version === version) continue
      const parent = from.includes('/node_modules/') ? from.slice(0, from.lastIndexOf('/node_modules/')) : ''
      const place = `${parent ? `${parent}/` : ''}node_modules/${name}`
      packages[place] = { version, ...platform, ...(dev ? { dev } : {}), optional: true }
      added += 1
    }
  }
  return added
}

// An entry may take the place of another version that a nested package had found there: again, until all is quiet.
let total = 0
for (let added = addMissing(); added > 0 && total < 10_000; added = addMissing()) total += added
const byName = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
lock.packages = Object.fromEntries(byName)
if (total > 0) writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(total > 0 ? `${total} entries added` : 'the lock is complete')
