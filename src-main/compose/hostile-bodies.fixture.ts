/** Request bodies that a reader may stumble over; all of them but the refused ones can be recorded. */
export function hostileBodies(): Readonly<Record<string, Buffer>> {
  const deep = (depth: number) => `{"a":${'['.repeat(depth)}1${']'.repeat(depth)}}`
  const words = `${knownSecret} at /srv/area/src on 2026-11-21T10:11:12Z, 12.5 ms, pid 4711, toolu_01Ab2Cd3Ef4Gh5Ij6Kl7Mn8 `
  const text: Readonly<Record<string, string>> = {
    empty: '{}',
    'white space': ' {\n\t"messages" : [ ] ,\r\n "model" : "m" } \n',
    'repeated members':
      '{"model":"a","x":1,"model":"b","x":{"k":2,"k":3},"stream":false,"stream":true,"stream_options":{}}',
    'special names':
      '{"__proto__":{"a":1},"constructor":1,"toString":[{"__proto__":null}],"messages":[{"hasOwnProperty":2}]}',
    'names that are numbers': '{"10":1,"9":2,"b":3,"-1":4,"a":{"2":1,"1":2,"01":3},"1e3":5}',
    'names in other words': '{"\\u006dodel":"m","mod\\u0065l":"n","ſtream":true,"日本":"語"}',
    'half pairs': '{"messages":["\\ud800 a \\udc00","\\ud83d","\\ude00\\ud83d"],"\\udfff":1}',
    numbers: '{"a":1e999,"b":-0,"c":123456789012345678901234567890,"d":1E-400,"e":-1e-7,"f":0.10,"g":1e21}',
    'every escape': '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u2028\\\\\\"","b":"\\\\"}',
    deep: deep(290),
    'what no two runs share': JSON.stringify({
      messages: [words, { cwd: '/srv/area', home: '-srv-area-x' }],
    }),
    'just too long to be packed': JSON.stringify({ a: 'w '.repeat(140_000), b: words }),
    'short enough once it is masked': JSON.stringify({ a: 'w '.repeat(130_800), b: knownSecret.repeat(60) }),
    picture: JSON.stringify({
      url: `data:image/png;base64,${Buffer.alloc(90_000, words).toString('base64')}`,
    }),
    'too deep': deep(400),
    'no object': '[{"model":"m"}]',
    'no JSON': '{"model":"m",}',
    nothing: '',
    'a mark at its beginning': '\ufeff{"model":"m"}',
  }
  return {
    ...Object.fromEntries(Object.entries(text).map(([name, one]) => [name, Buffer.from(one)])),
    'broken UTF-8': Buffer.concat([
      Buffer.from('{"messages":["'),
      Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82, 0xf0, 0x9f, 0x98, 0xed, 0xa0, 0x80, 0x80]),
      Buffer.from('"],"model":"m"}'),
    ]),
  }
}

/** A secret of the house of tests. */
export const knownSecret = 'made-up-secret-of-the-house-0123456789'
export const places = [{ text: '/srv/area', token: '<workarea>' }]
