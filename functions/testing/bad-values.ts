/** Values that break servers which trust them. */

export const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'QUERY',
];
export const TWO_MEGABYTES = Buffer.alloc(2 * 1024 * 1024, ' ');
/** As many values as fit into a body that is read whole. */
export const MANY_VALUES: readonly unknown[] = [
  Array(25_000).fill(1),
  Array(15_000).fill({}),
  Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`n${n}`, n])),
];
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

export const NASTY_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  'ses_00_x',
  'x'.repeat(300),
  'x'.repeat(60_000),
  "' OR 1=1 --",
  '../../etc/passwd',
  '{{7*7}}',
  '\r\nX-Evil: 1',
  [],
  [[]],
  {},
  { $ne: null },
  { toString: 1 },
  { length: 1e9 },
  [null],
  ['a', 'a'],
];

/** Encoded values of a form's parameters. */
export const FORM_VALUES = [
  '',
  'x',
  '%',
  '%00',
  '%ff',
  '+',
  'refresh_token',
  'allow',
  'a=b',
  '%7B%7D',
  'x'.repeat(5_000),
];

export const TYPES = [
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '*/*',
  'json',

  'application/jsonp',
  'application/json+xml',
  'application/cloudevents+json',
  'application/json, text/html',
  'application/problem+json',
  ';',
  'a/b/c',
  'application/octet-stream',
  'application/vnd.api+json',
];
export const JSON_TYPES = [
  'application/json',
  'APPLICATION/JSON',
  'application/json;charset=utf-16',
  'application/json; charset=bogus',
  'application/json; charset="',
  'application/json;;;',
  'application/json; q=1',
];
export const ENCODINGS = ['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', 'x', 'gzip, gzip, gzip'];

export const NOT_JSON = [
  '{',
  '}',
  '{"a":1',
  "{'a':1}",
  '{"a":1}{',
  'undefined',
  'NaN',
  '[1,]',
  '\u0000',
  '"\ud800',
  '{"a":\x01}',
  'a=1&b=2',
  '<?xml version="1.0"?><x/>',
  '--x\r\n\r\n--x--',
  nested(30_000).slice(1),
].map((text) => Buffer.from(text));
export const NOT_UTF8 = [
  Buffer.from([0x22, 0xff, 0xfe, 0x22]),
  Buffer.from([0x22, 0xc0, 0x80, 0x22]),
  Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
  Buffer.from('\ufeff{"session_id":"x"}', 'utf16le'),
  Buffer.from([0xff, 0xfe, 0x7b, 0x00]),
];
export const VALID_JSON = [
  'null',
  '0',
  '"text"',
  '[]',
  nested(30_000),
  '\ufeff{}',
  '{"__proto__":{"max":1}}',
];

export const ODD_QUERIES = [
  '',
  '?',
  '?__proto__=1',
  '?constructor=1&toString=2',
  '?limit=1&limit=2',
  '?x=%',
  '?%ff=%fe',
  '?a[]=1&a[b]=2',

  '?license_id=1&license_id=2',
  `?${'q'.repeat(6000)}`,
  '?cursor=%00',
  '?limit=1e3',
  '?%00',
  '?=&=&',
  '??deep=1',
  '?deep=2',
  '?cursor=W10',
  `?${'a=1&'.repeat(1_500)}`,
  `?${Array.from({ length: 1_000 }, (_, n) => `n${n}`).join('&')}`,
  `?limit=${'%20'.repeat(2_000)}`,
  '?%23',
];

/** Variants of `path` that a careless router might accept. */
export function oddPaths(path: string): string[] {
  return [
    `${path}/`,
    `/${path}`,
    `${path}/%`,
    `${path}/..%2f`,
    `${path}%00`,
    `${path}%2f..`,
    `${path};x=1`,
    `${path}.json`,
    `${path}/${'a/'.repeat(500)}`,
    `/%2e%2e${path}`,
    `/${path.slice(1).replaceAll('/', '%2f')}x`,
    `http://evil.example${path}`,
    path.replace(/.$/, '%ff'),
    path.toUpperCase(),
    '/%',
    '//',
    '/..%2f',
    '/__proto__',
  ];
}

export const ODD_HEADERS: Record<string, string>[] = [
  {},
  { 'x-request-id': '<script>alert(1)</script>' },
  { 'x-request-id': 'x'.repeat(5000) },

  { 'x-request-id': '../../../etc' },
  { traceparent: 'garbage' },
  { 'x-cloud-trace-context': '\xff\xfe' },
  { 'x-http-method-override': 'DELETE' },
  { 'x-forwarded-for': 'a, b, <c>' },
  { host: 'evil.example' },

  { 'x-padding': 'p'.repeat(8000) },
  { cookie: ';'.repeat(8_000) },
  { 'if-none-match': ','.repeat(8_000) },
  { 'x-forwarded-for': ','.repeat(8_000) },
  { traceparent: `00-${'0'.repeat(8_000)}` },
  { accept: 'a/b;q=0.1,'.repeat(800) },
  { expect: '100-continue' },
  { range: 'bytes=0-0' },
  { cookie: '__proto__=1' },
];
