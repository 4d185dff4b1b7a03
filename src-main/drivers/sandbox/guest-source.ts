/**
 * The first script of a sandbox's context, as text, because it must be compiled in that context and in no other. It takes
 * away what a guest must not have, and evaluates to `{start, deliver, drain}`, which the host calls with strings alone and
 * which return strings alone. No object of the host ever gets in here, so there is nothing to climb out on; what a
 * guest does to this realm's prototypes hurts the guest only, since the reference monitor sits on the other side.
 *
 * Two leaks of a bare context are closed, both tried on Node 24.15:
 * - reading `stack` of an error whose name is a symbol runs Node's formatter, which throws an error of the host's realm:
 *   without a numeric `stackTraceLimit` no stack is captured, so the formatter never runs;
 * - `import()` rejects with an error of the host's realm: the host refuses such source (see guest-code.ts).
 */
export const guestSource = `'use strict';
(() => {
  const { parse, stringify } = JSON
  const { apply, construct, ownKeys } = Reflect
  const { defineProperty, create, freeze, keys, hasOwn } = Object
  const { isArray } = Array
  const { isFinite: isFiniteNumber } = Number
  const RealDate = Date, RealMap = Map, RealSet = Set, RealPromise = Promise, RealError = Error, Big = BigInt
  const then = Promise.prototype.then
  const dateTime = Date.prototype.getTime
  const mapEach = Map.prototype.forEach, setEach = Set.prototype.forEach
  const mapSet = Map.prototype.set, setAdd = Set.prototype.add
  const mapGet = Map.prototype.get, mapDelete = Map.prototype.delete
  const toText = String
  const slice = String.prototype.slice

  const gone = ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array',
    'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float16Array', 'Float32Array',
    'Float64Array', 'BigInt64Array', 'BigUint64Array', 'FinalizationRegistry', 'WeakRef', 'Intl', 'Temporal',
    'console', 'eval', 'escape', 'unescape']
  for (const name of gone) delete globalThis[name]
  const fixed = (object, name, value) =>
    defineProperty(object, name, { value, writable: false, enumerable: false, configurable: false })
  fixed(Error, 'stackTraceLimit', undefined)
  fixed(Math, 'random', () => { throw new TypeError('a sandbox has no randomness of its own: ask a driver') })
  const noClock = () => { throw new TypeError('a sandbox has no clock of its own: await sys.now()') }
  const SafeDate = function Date(...parts) {
    if (!new.target || parts.length === 0) return noClock()
    return construct(RealDate, parts, new.target)
  }
  SafeDate.prototype = RealDate.prototype
  fixed(RealDate.prototype, 'constructor', SafeDate)
  SafeDate.parse = RealDate.parse
  SafeDate.UTC = RealDate.UTC
  SafeDate.now = noClock
  fixed(globalThis, 'Date', SafeDate)

  const tagged = (tag, value) => { const out = create(null); out.$t = tag; out.v = value; return out }
  const classOf = (value) => {
    try { apply(dateTime, value, []); return 'date' } catch {}
    try { apply(mapEach, value, [() => {}]); return 'map' } catch {}
    try { apply(setEach, value, [() => {}]); return 'set' } catch {}
    return ''
  }
  const encode = (value, depth) => {
    if (depth > 210) throw new TypeError('nested too deeply')
    switch (typeof value) {
      case 'undefined': return tagged('undefined', null)
      case 'bigint': return tagged('bigint', toText(value))
      case 'number':
        return isFiniteNumber(value) && (value !== 0 || 1 / value > 0) ? value
          : tagged('number', value === 0 ? '-0' : toText(value))
      case 'function': case 'symbol': throw new TypeError('a ' + typeof value + ' cannot be passed')
      case 'object': break
      default: return value
    }
    if (value === null) return null
    if (isArray(value)) {
      const out = []
      for (let i = 0; i < value.length; i++) fixedAt(out, i, encode(value[i], depth + 1))
      return out
    }
    const kind = classOf(value)
    if (kind === 'date') { const at = apply(dateTime, value, []); return tagged('date', at === at ? at : null) }
    if (kind !== '') {
      const items = []
      const each = kind === 'map'
        ? (item, key) => fixedAt(items, items.length, [encode(key, depth + 1), encode(item, depth + 1)])
        : (item) => fixedAt(items, items.length, encode(item, depth + 1))
      apply(kind === 'map' ? mapEach : setEach, value, [each])
      return tagged(kind, items)
    }
    const out = create(null)
    for (const key of keys(value)) out[key] = encode(value[key], depth + 1)
    return hasOwn(out, '$t') ? tagged('object', out) : out
  }
  const fixedAt = (list, at, value) =>
    defineProperty(list, at, { value, writable: true, enumerable: true, configurable: true })
  const decode = (value) => {
    if (typeof value !== 'object' || value === null) return value
    if (isArray(value)) {
      for (let i = 0; i < value.length; i++) fixedAt(value, i, decode(value[i]))
      return value
    }
    if (hasOwn(value, '$t')) return decodeTagged(value.$t, value.v)
    return decodeRecord(value)
  }
  const decodeRecord = (value) => {
    const out = {}
    for (const key of ownKeys(value)) fixedAt(out, key, decode(value[key]))
    return out
  }
  const decodeTagged = (tag, value) => {
    switch (tag) {
      case 'bigint': return Big(value)
      case 'number': return value === '-0' ? -0 : +value
      case 'date': return construct(RealDate, [value === null ? NaN : value])
      case 'object': return decodeRecord(value)
      case 'map': { const out = new RealMap(); for (const [k, v] of value) apply(mapSet, out, [decode(k), decode(v)]); return out }
      case 'set': { const out = new RealSet(); for (const v of value) apply(setAdd, out, [decode(v)]); return out }
      default: return undefined
    }
  }

  const waiting = new RealMap()
  let outbox = []
  let taken = 0
  let lastId = 0
  const put = (text) => fixedAt(outbox, outbox.length, text)
  const call = (name, args) => new RealPromise((resolve, reject) => {
    let text
    try { text = stringify(encode(args, 0)) } catch (error) { return reject(failure('EINVAL', textOf(error))) }
    const id = ++lastId
    put('c{"id":' + id + ',"call":"' + name + '","args":' + text + '}')
    apply(mapSet, waiting, [id, { resolve, reject }])
  })
  const textOf = (error) => {
    try {
      const text = toText(typeof error === 'object' && error !== null && 'message' in error ? error.message : error)
      return apply(slice, text, [0, 1000])
    }
    catch { return 'unprintable error' }
  }
  const failure = (code, message) => fixedAt(new RealError(message), 'code', code)
  const end = (fault) => put('e' + stringify({ fault }))
  return {
    start(body, startText) {
      const { calls, args } = parse(startText)
      const sys = create(null)
      for (const name of calls) fixed(sys, name, (...args) => call(name, args))
      freeze(sys)
      let running
      try {
        if (typeof body !== 'function') throw new TypeError('the code of a sandbox is one function')
        running = new RealPromise((resolve) => resolve(body(sys, decode(args))))
      } catch (error) { return end(textOf(error)) }
      apply(then, running, [() => end(null), (error) => end(textOf(error))])
    },
    deliver(text) {
      for (const [id, ok, value] of parse(text)) {
        const one = apply(mapGet, waiting, [id])
        apply(mapDelete, waiting, [id])
        if (!one) continue
        if (ok) one.resolve(decode(value))
        else one.reject(failure(value.code, value.message))
      }
    },
    drain() {
      if (taken < outbox.length) return outbox[taken++]
      outbox = []
      taken = 0
      return ''
    },
  }
})()`
