import fc from 'fast-check'
import { expect, it } from 'vitest'
import { entryHash } from '../../store/entry-hash.ts'
import { buildBody, noHash } from './body.ts'
import type { StoredEntry } from './check-entry.ts'
import { verifyEntries } from './report.ts'

const chain = 'session:ses-abcd'
const times = { verifiedAtMs: 0, durationMs: 0 }

function makeChain(length: number): StoredEntry[] {
  let previousHash = noHash
  return Array.from({ length }, (_, index) => {
    const body = buildBody({
      actor: 'daemon',
      chain,
      type: 'session.resumed',
      version: 1,
      atMs: 1_700_000_000_000 + index,
      payload: { text: `entry ${index}` },
      chainSeq: index + 1,
    })
    const entry = { body, previousHash, entryHash: entryHash(previousHash, body) }
    previousHash = entry.entryHash
    return entry
  })
}

const verify = (entries: readonly StoredEntry[], more = {}) =>
  verifyEntries(entries, { chain, hash: entryHash, ...more }, times)

it('says of an empty chain that it proves nothing', () => {
  expect(verify([])).toMatchObject({
    ok: true,
    entries: 0,
    proves: ['The chain is empty: it proves nothing.'],
  })
})

it('finds one changed character anywhere, once, at its entry', () => {
  const entries = makeChain(8)
  fc.assert(
    fc.property(
      fc.nat(7),
      fc.nat(),
      fc.constantFrom('body', 'previousHash', 'entryHash'),
      (at, where, field) => {
        const entry = entries[at]
        if (!entry) return
        const text = entry[field]
        const place = where % text.length
        const changed = text.slice(0, place) + (text[place] === '0' ? '1' : '0') + text.slice(place + 1)
        const edited = entries.map((one, index) => (index === at ? { ...one, [field]: changed } : one))
        const { ok, problems } = verify(edited)
        expect(ok).toBe(false)
        // A body tells its own place in the chain; where that is what was changed, its neighbours show it.
        if (field === 'body' && /"sequence":\d*$/.test(text.slice(0, place))) return
        expect(problems.map(({ sequence }) => sequence)).toEqual([at + 1])
      },
    ),
  )
})

it('finds a removed, a doubled and a foreign entry', () => {
  const entries = makeChain(5)
  expect(verify(entries.toSpliced(2, 1)).problems).toMatchObject([{ sequence: 4, kind: 'sequence_gap' }])
  expect(verify(entries.slice(1)).problems[0]).toMatchObject({ sequence: 2, kind: 'genesis_mismatch' })
  const second = entries[1]
  if (second)
    expect(verify(entries.toSpliced(2, 0, second)).problems).toMatchObject([
      { sequence: 2, kind: 'sequence_duplicate' },
    ])
  expect(
    verifyEntries(makeChain(1), { chain: 'session:ses-other', hash: entryHash }, times).problems,
  ).toMatchObject([{ kind: 'chain_mismatch' }])
})

it('shows by a head kept elsewhere that entries are missing or were written anew', () => {
  const entries = makeChain(5)
  const head = entries[4]?.entryHash ?? ''
  expect(verify(entries, { expectedHead: { length: 5, head } }).ok).toBe(true)
  expect(verify(entries.slice(0, 3), { expectedHead: { length: 5, head } }).problems).toMatchObject([
    { kind: 'truncated', sequence: 3 },
  ])
  expect(verify(entries, { expectedHead: { length: 5, head: noHash } }).problems).toMatchObject([
    { kind: 'forked' },
  ])
  expect(verify([], { expectedHead: { length: 5, head } }).problems).toMatchObject([
    { kind: 'chain_missing' },
  ])
})

it('counts an entry of an unknown version as not verifiable, and a clock that went back as news only', () => {
  const [first] = makeChain(1)
  const body = first?.body.replace('"v":1', '"v":2') ?? ''
  const later = { body, previousHash: noHash, entryHash: entryHash(noHash, body) }
  expect(verify([later]).problems).toMatchObject([{ kind: 'unsupported_version', severity: 'error' }])
  const at = (atMs: number, chainSeq: number) =>
    buildBody({ actor: 'd', chain, type: 'session.resumed', version: 1, atMs, payload: {}, chainSeq })
  const one = { body: at(9000, 1), previousHash: noHash, entryHash: entryHash(noHash, at(9000, 1)) }
  const two = {
    body: at(1000, 2),
    previousHash: one.entryHash,
    entryHash: entryHash(one.entryHash, at(1000, 2)),
  }
  expect(verify([one, two])).toMatchObject({
    ok: true,
    problems: [{ kind: 'time_regression', severity: 'info' }],
  })
})

it('lists at most a thousand problems and counts all of them', () => {
  const foreign = makeChain(1500).map((entry) => ({ ...entry, entryHash: 'x' }))
  const report = verify(foreign)
  expect(report.problems).toHaveLength(1000)
  expect(report.problemCount).toBe(1500)
})
