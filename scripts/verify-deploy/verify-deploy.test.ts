import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newOperatorToken } from '../../functions/testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';
import { startFront } from './front.ts';
import { printSteps } from './print-steps.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

function verify(
  url = suite.url,
  operatorKey = OPERATOR_KEY,
  urlOf: (functionName: string) => string = () => suite.doors['run.app'],
) {
  const lines: string[] = [];
  const target = { url, operatorKey, hintIfUnreachable: '', hintIfKeyRefused: '' };
  const verification = printSteps(target, (line) => lines.push(line), {
    urlOf,
    auditWithinMs: 9_000,
    // Sweeps, as Cloud Scheduler would within a minute.
    wait: () => suite.settle(),
  });
  return verification.then((hasPassed) => ({ hasPassed, lines }));
}

test('reports a working suite, and leaves its license suspended', async () => {
  const { hasPassed, lines } = await verify();
  expect(lines.filter((line) => !line.startsWith('  ok'))).toEqual(['The suite works.']);
  expect(hasPassed).toBe(true);
  expect(lines).toHaveLength(12);
  const { licenses } = (await suite.operate('GET', '/api/v1/licenses')).body;
  expect(licenses.map(({ status }: { status: string }) => status)).toEqual(['suspended']);
});

test('needs no more than an operator token with the scopes that the runbook names', async () => {
  const [, scopes = ''] =
    /--name deploy-checks --scopes (\S+)/.exec(readFileSync('infra/README.md', 'utf8')) ?? [];
  const { authorization } = await newOperatorToken(suite, scopes.split(','));
  const { hasPassed, lines } = await verify(suite.url, authorization.replace('Operator ', ''));
  expect([hasPassed, lines.filter((line) => !line.startsWith('  ok'))]).toEqual([true, ['The suite works.']]);
});

test.each([
  ['a suite that grants one seat too many', 'POST', '/api/v1/licenses/acquire', 201, 'one more is refused'],
  [
    'a suite whose sweep accepts external callers',
    'POST',
    '/internal/sweep',
    200,
    'internal endpoints refuse',
  ],
  ['a suite that is down', 'GET', '/health', 503, 'the suite answers'],
  ['a suite whose sweep does not succeed', 'GET', '/health?deep=1', 503, 'a sweep has succeeded'],
  ['a suite whose events are not recorded', 'GET', '/api/v1/audit', 200, 'audit log'],
  ['a suite that publishes no public key', 'GET', '/.well-known/jwks.json', 200, 'signature verifies'],
])('reports %s, and still suspends the license', async (_, method, path, status, step) => {
  const bodies: Readonly<Record<string, unknown>> = {
    '/api/v1/licenses/acquire': {
      session_id: 'ses_00_0000000000000000_00000000000000000',
      seats: { active: 3, max: 2 },
    },
    '/health?deep=1': { status: 'unavailable', sweep: { status: 'late', succeeded_at: null } },
    '/api/v1/audit': { events: [], next_cursor: null },
    '/.well-known/jwks.json': { keys: [] },
  };
  let calls = 0;
  const front = await startFront((requestMethod, requestPath, search) => {
    const isMeant = [requestPath, `${requestPath}?${search}`].includes(path);
    if (requestMethod !== method || !isMeant) return suite.url;
    calls += 1;
    const passes = path.endsWith('acquire') && calls !== 3;
    return passes ? suite.url : { status, body: bodies[path] ?? {} };
  });
  try {
    const { hasPassed, lines } = await verify(front.url);
    expect(hasPassed).toBe(false);
    expect(lines.filter((line) => line.startsWith('FAIL'))[0]).toContain(step);
    expect(lines.at(-1)).toBe('The suite does not work correctly.');
    const { licenses } = (await suite.operate('GET', '/api/v1/licenses')).body;
    expect(licenses.filter((license: { status: string }) => license.status !== 'suspended')).toEqual([]);
  } finally {
    front.close();
  }
});

test.each(['sweep', 'record-event'])('reports it if Google does not guard %s', async (unguarded) => {
  const urlOf = (name: string): string => suite.doors[name === unguarded ? 'unguarded' : 'run.app'];
  const { hasPassed, lines } = await verify(suite.url, OPERATOR_KEY, urlOf);
  expect(hasPassed).toBe(false);
  expect(lines.join('\n')).toContain(`${unguarded} itself answered (401)`);
});

test('accepts functions that IAM guards alone', async () => {
  const { hasPassed, lines } = await verify(suite.url, OPERATOR_KEY, () => suite.doors.internal);
  expect(hasPassed).toBe(true);
  expect(lines.join('\n')).toContain('  ok  Google refuses a forged token');
});

test('reports a wrong operator key, and creates nothing', async () => {
  const before = (await suite.operate('GET', '/api/v1/licenses')).body.licenses.length;
  const { hasPassed, lines } = await verify(suite.url, 'not-the-operator-key-0123456789abcdef');
  expect(hasPassed).toBe(false);
  expect(lines.join('\n')).toContain('CREDENTIALS_INVALID');
  expect((await suite.operate('GET', '/api/v1/licenses')).body.licenses).toHaveLength(before);
});
