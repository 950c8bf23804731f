import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type EventDetail, type EventType, eventOf } from '../../shared/domain/event.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { addToHistory, type SessionHistory } from '../../shared/domain/session-history.ts';
import { SESSION_HISTORIES } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');

let suite: TestSuite;
let license: TestLicense;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
beforeEach(async () => {
  license = await suite.createLicense();
});

const read = (licenseId: string, more = ''): Promise<Reply> =>
  suite.operate('GET', `/api/v1/sessions/history?license_id=${licenseId}${more}`);

const idsOf = (page: Reply): string[] =>
  page.body.sessions.map(({ session_id }: { session_id: string }) => session_id);

type Step = [afterMs: number, type: EventType, reason?: EventDetail['reason']];

/** Writes the history of a session acquired at `acquiredAtMs`, and returns its id. */
async function writeHistory(
  of: TestLicense,
  acquiredAtMs: number,
  steps: readonly Step[] = [],
): Promise<string> {
  const sessionId = newSessionId(of.licenseId);
  const all: readonly Step[] = [[0, 'session.acquired'], ...steps];
  const history = all.reduce<SessionHistory | undefined>((before, [afterMs, type, reason], n) => {
    const fields = {
      type,
      tenantId: of.tenantId,
      licenseId: of.licenseId,
      sessionId,
      atMs: acquiredAtMs + afterMs,
      position: `${acquiredAtMs + afterMs}-${n}`,
      ...BY,
      detail: { holder: 'holder', acquiredAtMs, reason },
    };
    return addToHistory(before, eventOf(fields));
  }, undefined);
  if (!history) expect.fail('every session has a history');
  await suite.deps.records.create(SESSION_HISTORIES, sessionId, history);
  return sessionId;
}

test('returns seated time, revivals and end reason of a session that expired, was revived and was released', async () => {
  const session_id = await writeHistory(license, START_MS, [
    [360_000, 'session.expired', 'lease_ran_out'],
    [400_000, 'session.revived'],
    [460_999, 'session.released'],
  ]);
  const page = await read(license.licenseId);
  expect(page.status, page.text).toBe(200);
  expect(page.body).toEqual({
    sessions: [
      {
        session_id,
        license_id: license.licenseId,
        holder: 'holder',
        acquired_at: '2030-01-01T00:00:00.000Z',
        ended_at: '2030-01-01T00:07:40.999Z',
        end_reason: 'released',
        seated_seconds: 420,
        revivals: 1,
      },
    ],
    next_cursor: null,
  });
});

test('returns no end for a session that holds a seat, and its seated time up to its last end', async () => {
  await writeHistory(license, START_MS, [
    [60_000, 'session.expired', 'lease_ran_out'],
    [90_000, 'session.revived'],
  ]);
  await writeHistory(license, START_MS + 1);
  const { sessions } = (await read(license.licenseId)).body;
  expect(sessions).toMatchObject([
    { ended_at: null, end_reason: null, seated_seconds: 0, revivals: 0 },
    { ended_at: null, end_reason: null, seated_seconds: 60, revivals: 1 },
  ]);
});

test.each([
  ['session.expired', 'lease_ran_out', 'expired'],
  ['session.expired', 'lost', 'lost'],
  ['session.expired', 'seats_reduced', 'seats_reduced'],
  ['session.evicted', undefined, 'evicted'],
  ['session.released', undefined, 'released'],
] as const)('returns the end reason of %s (%s) as %s', async (type, reason, end_reason) => {
  await writeHistory(license, START_MS, [[1000, type, reason]]);
  expect((await read(license.licenseId)).body.sessions).toMatchObject([{ end_reason, seated_seconds: 1 }]);
});

test('lists the sessions of a license in pages, newest first, each once', async () => {
  const other = await suite.createLicense({ tenant_id: license.tenantId });
  await writeHistory(other, START_MS + 2);
  const written: string[] = [];
  for (let n = 0; n < 5; n += 1) written.unshift(await writeHistory(license, START_MS + n * 1000));
  const seen: string[] = [];
  const sizes: number[] = [];
  let more = '&limit=2';
  for (let page = await read(license.licenseId, more); ; page = await read(license.licenseId, more)) {
    seen.push(...idsOf(page));
    sizes.push(page.body.sessions.length);
    if (page.body.next_cursor === null) break;
    more = `&limit=2&cursor=${page.body.next_cursor}`;
  }
  expect(seen).toEqual(written);
  expect(sizes).toEqual([2, 2, 1]);
});

test('returns an empty list without past sessions, and the same 404 for all unknown licenses', async () => {
  expect((await read(license.licenseId)).body).toEqual({ sessions: [], next_cursor: null });
  const unknown = await read(newLicenseId(newTenantId(16)));
  expect([unknown.status, unknown.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
  expect(bareAnswer(await read(newLicenseId(newTenantId(16))))).toEqual(bareAnswer(unknown));
});

test('refuses a cursor of another license, of the current sessions, and an invalid one', async () => {
  for (const n of [1, 2]) await writeHistory(license, START_MS + n);
  const { next_cursor } = (await read(license.licenseId, '&limit=1')).body;
  expect((await read(license.licenseId, `&limit=1&cursor=${next_cursor}`)).status).toBe(200);
  const other = await suite.createLicense();
  for (const machine of ['a', 'b']) await license.acquire(machine);
  const now = await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}&limit=1`);
  for (const [licenseId, cursor] of [
    [other.licenseId, next_cursor],
    [license.licenseId, now.body.next_cursor],
    [license.licenseId, 'rubbish'],
  ]) {
    const refused = await read(licenseId, `&limit=1&cursor=${cursor}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_CURSOR']);
  }
});

test('refuses a missing license_id and unknown parameters, and names them', async () => {
  const missing = await suite.operate('GET', '/api/v1/sessions/history');
  expect([missing.status, missing.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(missing.body.errors[0].at).toBe('license_id');
  expect((await read(license.licenseId, '&sort=asc')).body.detail).toContain('"sort"');
});

test('refuses a license key and a request without credentials', async () => {
  const path = `/api/v1/sessions/history?license_id=${license.licenseId}`;
  const refused = await suite.call('GET', path, { authorization: `License ${license.key}` });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  expect((await suite.call('GET', path)).status).toBe(401);
});
