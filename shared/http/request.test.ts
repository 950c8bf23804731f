import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { text } from './fields.ts';
import { LARGEST_BODY_BYTES } from './raw-body.ts';
import { type IncomingRequest, parseInput, refuseBody } from './request.ts';

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
): IncomingRequest {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { 'content-type': 'application/json', ...headers });
  return body === undefined ? request : Object.assign(request, { rawBody: Buffer.from(body) });
}

function parse(
  body: string | Buffer | undefined,
  headers: Record<string, string> = {},
  search = '',
  id = 'abc',
) {
  return parseInput(endpoint, requestWith(body, headers), { id }, new URLSearchParams(search));
}

test('returns parameters, query and body of a valid request', () => {
  expect(parse('{"name":"ada"}', {}, 'q=1')).toEqual({
    params: { id: 'abc' },
    query: { q: '1' },
    body: { name: 'ada' },
  });
});

test.each(['application/json', 'Application/JSON; charset=utf-8', 'application/json ;x=y'])(
  'accepts %s as JSON',
  (type) => {
    expect(parse('{"name":"ada"}', { 'content-type': type })).not.toHaveProperty('problem');
  },
);

test.each([
  ['content-type', 'text/plain'],
  ['content-type', 'application/jsonp'],
  ['content-type', ''],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity, gzip'],
])('refuses %s %j, whatever the body', (name, value) => {
  expect(parse('{"name":"ada"}', { [name]: value })).toEqual({ problem: 'UNSUPPORTED_MEDIA_TYPE' });
});

test('accepts the content encoding "identity" and a UTF-8 byte order mark', () => {
  expect(parse('\ufeff{"name":"ada"}', { 'content-encoding': 'Identity' })).not.toHaveProperty('problem');
});

test('refuses a body that is not UTF-8', () => {
  const broken = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(parse(broken)).toEqual({ problem: 'INVALID_JSON' });
  expect(parse(Buffer.from('{"name":"ada"}', 'utf16le'))).toEqual({ problem: 'INVALID_JSON' });
});

test.each([
  '{"name":"ada","name":"eve"}',
  '{"name":"ada","n\\u0061me":"eve"}',
  '{"name":"ada", "name" : "ada"}',
  '{"tags":[1],"name":"ada","tags":[2]}',
  '{"__proto__":1,"__proto__":2}',
  '[[{"a":{"b":1,"c":"\\"","b":2}}]]',
])('refuses %s, in which an object has the same name twice', (body) => {
  expect(parse(body)).toEqual({ problem: 'INVALID_JSON', detail: 'An object has the same name twice.' });
});

test.each(['{"name":"\\":\\\\"}', '{"name":"a\\\\\\":"}', '{"name" :"\\u0022: "}', '{"name":"x:\\"y"}'])(
  'accepts %s, in which each name occurs once',
  (body) => {
    expect(parse(body)).not.toMatchObject({ problem: 'INVALID_JSON' });
  },
);

test('accepts any serialized JSON, and refuses it inside an object with a duplicate name', () => {
  const anyName = { ...endpoint, body: z.unknown() };
  const read = (body: string) => parseInput(anyName, requestWith(body), { id: 'a' }, new URLSearchParams());
  fc.assert(
    fc.property(fc.json(), fc.string(), fc.json(), (json, name, other) => {
      expect(read(json)).toEqual({ params: { id: 'a' }, query: {}, body: JSON.parse(json) });
      const twice = `{${JSON.stringify(name)}:${json},${JSON.stringify(name)}:${other}}`;
      expect(read(twice)).toMatchObject({ problem: 'INVALID_JSON' });
    }),
  );
});

test('reports the errors of path, query and body together', () => {
  const refused = parse('{"name":7,"tags":[1,"x"]}', {}, 'q=1&q=2&z=3', 'long');
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

test('reports at most ten errors', () => {
  const refused = parse(JSON.stringify({ name: 'ada', tags: Array(500).fill('x') }));
  expect(refused).toMatchObject({ problem: 'VALIDATION_FAILED', members: { errors: { length: 10 } } });
});

test('names a place in the body by a JSON pointer with escaped ~ and /', () => {
  const odd = { ...endpoint, body: z.record(z.string(), z.int()) };
  const refused = parseInput(odd, requestWith('{"a/b~c":"x"}'), { id: 'a' }, new URLSearchParams());
  expect(refused).toMatchObject({ members: { errors: [{ at: '/a~1b~0c' }] } });
});

test('reports a missing body as missing, and null as a body', () => {
  expect(parse(undefined)).toMatchObject({ detail: 'The request needs a JSON body.' });
  expect(parse('')).toMatchObject({ detail: 'The request needs a JSON body.' });
  expect(parse('null')).toMatchObject({ detail: expect.stringContaining('expected object') });
});

test.each(['a\u0000b', 'a\nb', '\u007f', '\u0085', '\ud800', '', 'toolong'])(
  'refuses the text %j',
  (name) => {
    expect(parse(JSON.stringify({ name }))).toMatchObject({ problem: 'VALIDATION_FAILED' });
  },
);

test('accepts text in any script, with emoji', () => {
  expect(parse('{"name":"ß🪑é"}')).toMatchObject({ body: { name: 'ß🪑é' } });
});

test('accepts a body of the largest size and refuses one more byte, by actual size or by Content-Length', () => {
  expect(refuseBody(requestWith(Buffer.alloc(LARGEST_BODY_BYTES)))).toBeUndefined();
  const refusal = { problem: 'PAYLOAD_TOO_LARGE', detail: 'At most 65536 bytes.' };
  expect(refuseBody(requestWith(Buffer.alloc(LARGEST_BODY_BYTES + 1)))).toEqual(refusal);
  expect(refuseBody(requestWith(undefined, { 'content-length': '65537' }))).toEqual(refusal);
});
