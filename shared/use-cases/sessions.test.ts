import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventOf, type SeatEvent } from '../domain/event.ts';
import { newLicenseId, newSessionId, newTenantId } from '../domain/ids.ts';
import { draftLicense } from '../domain/license.ts';
import type { Session } from '../domain/session.ts';
import { addToHistory } from '../domain/session-history.ts';
import { openSqliteRecords } from '../local/sqlite-records.ts';
import { LICENSES, LOANS, MEMBERSHIPS, SESSION_HISTORIES } from '../ports/collections.ts';
import type { Records } from '../ports/records.ts';
import { BY } from '../testing/by.ts';
import { recordLoan } from './loans.ts';
import { clearedForRevival, recordEviction } from './sessions.ts';

const NOW_MS = Date.UTC(2026, 10, 29);
const USER_ID = 'usr_0123456789abcdef';
const KEY = { kind: 'license-key', keyHash: 'hash' } as const;

let records: Records;
let tenantId: string;
let licenseId: string;
beforeEach(async () => {
  records = openSqliteRecords(':memory:');
  tenantId = newTenantId(16);
  licenseId = newLicenseId(tenantId);
  const license = draftLicense({ tenantId, licenseId }, 'a key', { max: 5 }, NOW_MS);
  await records.create(LICENSES, licenseId, license);
});
afterEach(() => records.close());

function sessionOf(kind: Session['kind'] = 'instance'): Session {
  return {
    sessionId: newSessionId(licenseId),
    kind,
    holder: 'a-holder',
    machine: 'a-machine',
    acquiredAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 360_000,
    facts: { fingerprint: 'laptop' },
  };
}

/** Records an event of the session, as the function that receives it. */
async function report(session: Session, type: SeatEvent['type'], atMs: number): Promise<void> {
  const { sessionId, holder, acquiredAtMs } = session;
  const detail = { holder, acquiredAtMs };
  const event = eventOf({ type, tenantId, licenseId, sessionId, atMs, position: `${atMs}-5`, ...BY, detail });
  await records.transact(async (transaction) => {
    const history = addToHistory(await transaction.get(SESSION_HISTORIES, sessionId), event);
    if (history) transaction.set(SESSION_HISTORIES, sessionId, history);
  });
}

const evicted = (...sessions: Session[]) => ({ atMs: NOW_MS + 1_000, sessions });

describe('an eviction', () => {
  test('is recorded for each of its sessions, whether or not the events of their beginning have arrived', async () => {
    const [known, unknown] = [sessionOf(), sessionOf()];
    await report(known, 'session.acquired', NOW_MS);
    await recordEviction(licenseId, evicted(known, unknown), BY, { records });
    for (const { sessionId } of [known, unknown]) {
      expect(await records.get(SESSION_HISTORIES, sessionId)).toMatchObject({
        ...{ licenseId, tenantId, holder: 'a-holder', acquiredAtMs: NOW_MS },
        ...{ isOpen: false, endReason: 'evicted', endedAtMs: NOW_MS + 1_000, seatedMs: 1_000 },
      });
    }
  });

  test('is counted once when its event arrives, and when the request is repeated', async () => {
    const session = sessionOf();
    await report(session, 'session.acquired', NOW_MS);
    await recordEviction(licenseId, evicted(session), BY, { records });
    const once = await records.get(SESSION_HISTORIES, session.sessionId);
    await report(session, 'session.evicted', NOW_MS + 1_000);
    await recordEviction(licenseId, evicted(session), BY, { records });
    const { marks: _, ...history } = (await records.get(SESSION_HISTORIES, session.sessionId)) ?? {
      marks: [],
    };
    expect(once).toMatchObject(history);
  });

  test('deletes the documents of its loans, and of no other', async () => {
    const [ended, other] = [sessionOf('loan'), sessionOf('loan')];
    for (const loan of [ended, other]) await recordLoan(loan, { records });
    await recordEviction(licenseId, evicted(ended), BY, { records });
    expect(await records.get(LOANS, ended.sessionId)).toBeUndefined();
    expect(await records.get(LOANS, other.sessionId)).toBeDefined();
  });

  test('of a license that the records do not know, or of no session, records nothing', async () => {
    const session = sessionOf();
    await records.transact(async (transaction) => transaction.delete(LICENSES, licenseId));
    await recordEviction(licenseId, evicted(session), BY, { records });
    await recordEviction(licenseId, evicted(), BY, { records });
    expect(await records.get(SESSION_HISTORIES, session.sessionId)).toBeUndefined();
  });
});

describe('a session that the seat store has forgotten', () => {
  test.each(['session.released', 'session.evicted'] as const)('is not revived after %s', async (type) => {
    const session = sessionOf();
    const ended = type.slice('session.'.length);
    await report(session, 'session.acquired', NOW_MS);
    await report(session, type, NOW_MS + 1);
    expect(await clearedForRevival(session.sessionId, KEY, { records })).toBe(ended);
    const proof = { kind: 'user', userId: USER_ID, tenantIds: [tenantId] } as const;
    expect(await clearedForRevival(session.sessionId, proof, { records })).toBe(ended);
  });

  test('is revived while it is open, after it expired, and if it was never recorded', async () => {
    const session = sessionOf();
    const cleared = () => clearedForRevival(session.sessionId, KEY, { records });
    expect(await cleared()).toBe('CLEARED');
    await report(session, 'session.acquired', NOW_MS);
    expect(await cleared()).toBe('CLEARED');
    await report(session, 'session.expired', NOW_MS + 1);
    expect(await cleared()).toBe('CLEARED');
  });

  test("is revived for a signed-in user who is a member of the license's tenant now, whatever the token names", async () => {
    const session = sessionOf();
    const { sessionId } = session;
    const proof = { kind: 'user', userId: USER_ID, tenantIds: [tenantId] } as const;
    const membership = { tenantId, userId: USER_ID, role: 'member' as const, joinedAtMs: NOW_MS };
    expect(await clearedForRevival(sessionId, proof, { records })).toBe('NOT_A_MEMBER');
    await records.create(MEMBERSHIPS, `${tenantId}:${USER_ID}`, membership);
    expect(await clearedForRevival(sessionId, proof, { records })).toBe('CLEARED');
    await report(session, 'session.acquired', NOW_MS);
    expect(await clearedForRevival(sessionId, proof, { records })).toBe('CLEARED');
    expect(await clearedForRevival(sessionId, { ...proof, userId: 'usr_bob' }, { records })).toBe(
      'NOT_A_MEMBER',
    );
  });
});
