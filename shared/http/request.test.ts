import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { LARGEST_BODY_BYTES } from './body.ts';
import { text } from './fields.ts';
import { MAX_QUERY_CHARACTERS, MAX_QUERY_NAMES, readQuery } from './query.ts';
import { MAX_JSON_VALUES, parseInput, refuseAnnounced } from './request.ts';

const endpoint = {
  method: 'POST',
  path: '/{id}',
  summary: '',
  auth: ['anyone'],
  params: z.strictObject({ id: z.string().check(z.maxLength(3)) }),
  query: z.strictObject({ q: z.optional(z.string()) }),
  body: z.strictObject({ name: text(5), tags: z.optional(z.array(z.int())) }),
  answers: {},
  problems: [],
} as const;

function requestWith(
  body: string | Buffer | undefined,
  headers: Record<string, string> = {},
): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { 'content-type': 'application/json', ...headers });
  if (body !== undefined) request.push(Buffer.from(body));
  request.push(null);
  return request;
}

function parse(
  body: string | Buffer | undefined,
  headers: Record<string, string> = {},
  search = '',
  id = 'abc',
) {
  return parseInput(endpoint, requestWith(body, headers), { id }, search);
}

test('returns parameters, query and body of a valid request', async () => {
  expect(await parse('{"name":"ada"}', {}, 'q=1')).toEqual({
    params: { id: 'abc' },
    query: { q: '1' },
    body: { name: 'ada' },
  });
});

test.each(['application/json', 'Application/JSON; charset=utf-8', 'application/json ;x=y'])(
  'accepts %s as JSON',
  async (type) => {
    expect(await parse('{"name":"ada"}', { 'content-type': type })).not.toHaveProperty('problem');
  },
);

test.each([
  ['content-type', 'text/plain'],
  ['content-type', 'application/jsonp'],
  ['content-type', ''],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity, gzip'],
])('refuses %s %j, whatever the body', async (name, value) => {
  expect(await parse('{"name":"ada"}', { [name]: value })).toMatchObject({
    problem: 'UNSUPPORTED_MEDIA_TYPE',
  });
});

test('accepts the content encoding "identity" and a UTF-8 byte order mark', async () => {
  expect(await parse('\ufeff{"name":"ada"}', { 'content-encoding': 'Identity' })).not.toHaveProperty(
    'problem',
  );
});

test('refuses a body that is not UTF-8', async () => {
  const broken = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(await parse(broken)).toEqual({ problem: 'INVALID_JSON' });
  expect(await parse(Buffer.from('{"name":"ada"}', 'utf16le'))).toEqual({ problem: 'INVALID_JSON' });
});

test.each([
  '{"name":"ada","name":"eve"}',
  '{"name":"ada","n\\u0061me":"eve"}',
  '{"name":"ada", "name" : "ada"}',
  '{"tags":[1],"name":"ada","tags":[2]}',
  '{"__proto__":1,"__proto__":2}',
  '[[{"a":{"b":1,"c":"\\"","b":2}}]]',
])('refuses %s, in which an object has the same name twice', async (body) => {
  expect(await parse(body)).toEqual({
    problem: 'INVALID_JSON',
    detail: 'An object has the same name twice.',
  });
});

test.each(['{"name":"\\":\\\\"}', '{"name":"a\\\\\\":"}', '{"name" :"\\u0022: "}', '{"name":"x:\\"y"}'])(
  'accepts %s, in which each name occurs once',
  async (body) => {
    expect(await parse(body)).not.toMatchObject({ problem: 'INVALID_JSON' });
  },
);

test('accepts any serialized JSON, and refuses it inside an object with a duplicate name', async () => {
  const anyName = { ...endpoint, body: z.unknown() };
  const read = (body: string) => parseInput(anyName, requestWith(body), { id: 'a' }, '');
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.string(), fc.json(), async (json, name, other) => {
      expect(await read(json)).toEqual({ params: { id: 'a' }, query: {}, body: JSON.parse(json) });
      const twice = `{${JSON.stringify(name)}:${json},${JSON.stringify(name)}:${other}}`;
      expect(await read(twice)).toMatchObject({ problem: 'INVALID_JSON' });
    }),
  );
});

test('reports the errors of path, query and body together', async () => {
  const refused = await parse('{"name":7,"tags":[1,"x"]}', {}, 'q=1&q=2&z=3', 'long');
  if (!('problem' in refused)) throw new Error('accepted');
  expect(refused.problem).toBe('VALIDATION_FAILED');
  const errors = refused.members?.errors;
  expect(errors).toEqual([
    { at: 'id', detail: expect.any(String) },
    { at: 'q', detail: expect.any(String) },
    { at: '', detail: 'Unrecognized key: "z"' },
    { at: '/name', detail: expect.any(String) },
    { at: '/tags/1', detail: expect.any(String) },
  ]);
  expect(refused.detail).toContain('/tags/1: ');
});

test('reports at most ten errors', async () => {
  const refused = await parse(JSON.stringify({ name: 'ada', tags: Array(500).fill('x') }));
  expect(refused).toMatchObject({ problem: 'VALIDATION_FAILED', members: { errors: { length: 10 } } });
});

test('reads a broken text of any form in one pass', async () => {
  const quotes = '\\"'.repeat(30_000);
  const startedMs = performance.now();
  for (const text of [
    `"${quotes}`,
    `"${quotes}\\`,
    `{"a":"${quotes}`,
    '"\\'.repeat(20_000),
    '" '.repeat(30_000),
  ])
    expect(await parse(text)).toMatchObject({ problem: 'INVALID_JSON' });
  // Tens of milliseconds; a regular expression that tried every quote again would take minutes.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('names a place in the body by a JSON pointer, in which no name of the caller is long or odd', async () => {
  const odd = { ...endpoint, body: z.record(z.string(), z.int()) };
  const refused = (name: string) =>
    parseInput(odd, requestWith(JSON.stringify({ [name]: 'x' })), { id: 'a' }, '');
  expect(await refused('seats-2')).toMatchObject({ members: { errors: [{ at: '/seats-2' }] } });
  for (const name of ['a/b~c', 'x'.repeat(25), 'ada@example.com'])
    expect(await refused(name)).toMatchObject({ members: { errors: [{ at: '/…' }] } });
});

test('names unknown fields only if the names are short words, and at most ten', async () => {
  const refused = await parse(JSON.stringify({ name: 'ada', maxx: 1, ['k'.repeat(40)]: 2 }));
  expect(refused).toMatchObject({ detail: 'Unrecognized keys: "maxx", "…"' });
  const many = await parse(
    JSON.stringify({
      name: 'ada',
      ...Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`f${n}`, 1])),
    }),
  );
  expect(JSON.stringify(many).length).toBeLessThan(700);
});

test('reads no query where the endpoint declares none', async () => {
  const { query: _, ...withoutQuery } = endpoint;
  const search = 'a=1&'.repeat(MAX_QUERY_NAMES + 1);
  expect(await parseInput(withoutQuery, requestWith('{"name":"ada"}'), { id: 'a' }, search)).toEqual({
    params: { id: 'a' },
    query: undefined,
    body: { name: 'ada' },
  });
});

test('parses no more than 32 names of a query', () => {
  let parsed = 0;
  class Counting extends URLSearchParams {
    override *[Symbol.iterator](): Generator<[string, string], undefined> {
      for (const pair of this.entries()) {
        parsed += 1;
        yield pair;
      }
      return undefined;
    }
  }
  vi.stubGlobal('URLSearchParams', Counting);
  const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}=1`).join('&');
  const counts = [1, 32, 33, 4_000].map((count) => {
    parsed = 0;
    readQuery(names(count));
    return parsed;
  });
  vi.unstubAllGlobals();
  expect(counts).toEqual([1, 32, 0, 0]);
});

test('a repeated name of a query becomes a list, and names of objects are only names', () => {
  expect(readQuery('a=1&b=2&a=3&a')).toEqual({ a: ['1', '3', ''], b: '2' });
  expect(Object.keys(readQuery('__proto__=1&constructor=2'))).toEqual(['__proto__', 'constructor']);
  expect(readQuery('')).toEqual({});
});

test('refuses a query with too many parameters or characters in a few words', async () => {
  const most = Array.from({ length: MAX_QUERY_NAMES }, (_, n) => `n${n}=1`);
  expect(await parse('{"name":"ada"}', {}, most.join('&'))).toMatchObject({
    detail: expect.stringContaining('Unrecognized keys'),
  });
  expect(await parse('{"name":"ada"}', {}, [...most, 'q=1'].join('&'))).toEqual({
    problem: 'VALIDATION_FAILED',
    detail: 'The query has more than 32 parameters.',
  });
  expect(await parse('{"name":"ada"}', {}, `q=${'x'.repeat(MAX_QUERY_CHARACTERS)}`)).toEqual({
    problem: 'VALIDATION_FAILED',
    detail: 'The query has more than 8192 characters.',
  });
});

test.each([
  ['a list', (count: number) => JSON.stringify({ name: 'ada', tags: Array(count).fill(1) })],
  ['lists in lists', (count: number) => `${'['.repeat(count + 1)}${']'.repeat(count + 1)}`],
  [
    'an object',
    (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count + 1 }, (_, n) => [`n${n}`, n]))),
  ],
])('refuses more than 2,000 values in %s before any is checked', async (_, bodyOf) => {
  const detail = 'The body has more than 2000 values.';
  expect(await parse(bodyOf(MAX_JSON_VALUES))).toEqual({ problem: 'VALIDATION_FAILED', detail });
  expect(await parse(bodyOf(MAX_JSON_VALUES - 3))).not.toMatchObject({ detail });
});

test('reports a missing body as missing, and null as a body', async () => {
  expect(await parse(undefined)).toMatchObject({ detail: 'The request needs a JSON body.' });
  expect(await parse('')).toMatchObject({ detail: 'The request needs a JSON body.' });
  expect(await parse('null')).toMatchObject({ detail: expect.stringContaining('expected object') });
});

test.each(['a\u0000b', 'a\nb', '\u007f', '\u0085', '\ud800', '', 'toolong'])(
  'refuses the text %j',
  async (name) => {
    expect(await parse(JSON.stringify({ name }))).toMatchObject({ problem: 'VALIDATION_FAILED' });
  },
);

test('accepts text in any script, with emoji', async () => {
  expect(await parse('{"name":"ß🪑é"}')).toMatchObject({ body: { name: 'ß🪑é' } });
});

test('accepts a body of the largest size and refuses one more byte, by actual size or by Content-Length', async () => {
  const body = (bytes: number) => '{"name":"ada"}'.padEnd(bytes);
  expect(await parse(body(LARGEST_BODY_BYTES))).toMatchObject({ body: { name: 'ada' } });
  const refusal = { problem: 'PAYLOAD_TOO_LARGE', detail: 'At most 65536 bytes.' };
  expect(await parse(body(LARGEST_BODY_BYTES + 1))).toEqual(refusal);
  const announced = (bytes: number) => requestWith(undefined, { 'content-length': String(bytes) });
  expect(refuseAnnounced(announced(LARGEST_BODY_BYTES), endpoint)).toBeUndefined();
  expect(refuseAnnounced(announced(LARGEST_BODY_BYTES + 1), endpoint)).toEqual(refusal);
});
