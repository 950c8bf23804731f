import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openTestSuite, type TestLicense, type TestSuite } from '../../functions/testing/suite.ts';
import { codeBlocksOf } from './markdown.ts';

/**
 * Sends the requests of clients/docs/protocol.md to a license with one seat, each at the `Date` of its answer. Each
 * answer must have exactly the fields and values that the page shows. Only ids, tokens and signatures differ: those of the
 * page stand for those of this run, in later requests, too.
 */
const PAGE = readFileSync('clients/docs/protocol.md', 'utf8');

const DIFFERS = new Set([
  ...['license_id', 'tenant_id', 'session_id', 'session_token'],
  ...['signed_license', 'license_json', 'license_token', 'key_id', 'jti'],
]);

interface Message {
  readonly start: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

function parse(block: string): Message {
  const [head = '', text = ''] = block.split('\n\n');
  const [start = '', ...lines] = head.split('\n');
  const headers = lines.map((line): [string, string] => {
    const [name = '', ...value] = line.split(': ');
    return [name.toLowerCase(), value.join(': ')];
  });
  return { start, headers: new Map(headers), text };
}

const MESSAGES = codeBlocksOf(PAGE)
  .filter(({ language }) => language === 'http')
  .map(({ code }) => parse(code));
const EXCHANGES = MESSAGES.filter(({ start }) => !start.startsWith('HTTP/'))
  .map((request, i) => {
    const answer = MESSAGES[2 * i + 1];
    const atMs = Date.parse(answer?.headers.get('date') ?? '');
    return { name: `${i + 1}. ${request.start}`, request, answer, atMs };
  })
  .toSorted((a, b) => a.atMs - b.atMs);

let suite: TestSuite;
let license: TestLicense;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-29T08:00:00Z') });
  suite = await openTestSuite();
  license = await suite.createLicense({ max: 1, features: ['export'], offline_start_days: 3 });
});
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** Values of the page, with those of this run. */
const real = new Map<string, string>();

function learn(shown: unknown, actual: unknown, name = ''): unknown {
  if (typeof shown === 'string' && typeof actual === 'string' && DIFFERS.has(name)) {
    if (!real.has(shown)) expect([...real.values()], `${name} is another one`).not.toContain(actual);
    else expect(real.get(shown), `${name} is the same`).toBe(actual);
    real.set(shown, actual);
    return shown;
  }
  if (typeof shown !== 'object' || typeof actual !== 'object' || shown === null || actual === null)
    return actual;
  const fields: [string, unknown][] = Object.entries(actual);
  const learned = fields.map(([field, value]) => [field, learn(Object(shown)[field], value, field)]);
  return Array.isArray(actual) ? learned.map(([, value]) => value) : Object.fromEntries(learned);
}

test('the scenarios have ids from P1 on, each once', () => {
  const ids = [...PAGE.matchAll(/^\| (P\d+) \|/gm)].map(([, id]) => id);
  expect(ids).toEqual(ids.map((_, i) => `P${i + 1}`));
  expect(ids.length).toBeGreaterThanOrEqual(48);
});

describe('the examples of protocol.md', () => {
  test('are requests, each with its answer', () => {
    expect(EXCHANGES.length).toBeGreaterThanOrEqual(8);
    expect(MESSAGES.map(({ start }) => start.startsWith('HTTP/'))).toEqual(
      EXCHANGES.flatMap(() => [false, true]),
    );
  });

  test.each(EXCHANGES)('$name', async ({ request, answer, atMs }) => {
    vi.setSystemTime(atMs);
    const [method = '', path = ''] = request.start.split(' ');
    const body = request.text && JSON.parse(request.text, (_, value) => real.get(value) ?? value);
    const reply = await suite.call(method, path, {
      authorization: `License ${license.key}`,
      headers: { 'x-request-id': request.headers.get('x-request-id') ?? '' },
      body,
    });
    const [, status] = answer?.start.split(' ') ?? [];
    expect(String(reply.status), reply.text).toBe(status);
    for (const [name, value] of answer?.headers ?? []) {
      if (name !== 'date') expect(reply.headers.get(name), name).toBe(value);
    }
    const shown = answer?.text ? JSON.parse(answer.text) : null;
    expect(learn(shown, reply.body) ?? null).toEqual(shown);
  });
});
