import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unsealed } from '../domain/audit-chain.ts';
import { eventOf } from '../domain/event.ts';
import { newLicenseId, newSessionId, newTenantId } from '../domain/ids.ts';
import { draftLicense, entitlementOf, eventOfLicense, type License } from '../domain/license.ts';
import type { Session } from '../domain/session.ts';
import { addToHistory } from '../domain/session-history.ts';
import { openSqliteRecords } from '../local/sqlite-records.ts';
import { AUDIT, BARS, LICENSES, LOANS, SESSION_HISTORIES } from '../ports/collections.ts';
import type { Records } from '../ports/records.ts';
import { restoreCopy } from '../ports/restore-copy.ts';
import type { LostLicense, Restored, Seats } from '../ports/seats.ts';
import { BY } from '../testing/by.ts';
import { putCopy } from './licenses.ts';
import { forgetLoan, recordLoan } from './loans.ts';

const NOW_MS = Date.UTC(2026, 10, 29);
const DAY_MS = 24 * 3_600_000;

let records: Records;
let license: License;
beforeEach(async () => {
  records = openSqliteRecords(':memory:');
  license = await createLicense();
});
afterEach(() => records.close());

async function createLicense(): Promise<License> {
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  const created = draftLicense({ tenantId, licenseId }, 'a key', { max: 5 }, NOW_MS);
  await records.create(LICENSES, licenseId, created);
  return created;
}

function loanOf(days: number, of = license): Session {
  return {
    sessionId: newSessionId(of.licenseId),
    kind: 'loan',
    holder: 'a-holder',
    machine: 'a-machine',
    acquiredAtMs: NOW_MS,
    expiresAtMs: NOW_MS + days * DAY_MS,
    facts: { fingerprint: 'field-laptop', hostname: 'host-of-ada', userId: 'ada' },
  };
}

describe('a loan', () => {
  test('is recorded with its license and tenant, and without what its client sent about itself', async () => {
    const { tenantId, licenseId } = license;
    const { sessionId, expiresAtMs: untilMs, ...loan } = loanOf(7);
    await recordLoan({ sessionId, expiresAtMs: untilMs, ...loan }, { records });
    expect(await records.get(LOANS, sessionId)).toEqual({
      ...{ sessionId, licenseId, tenantId, untilMs },
      ...{ holder: 'a-holder', machine: 'a-machine', acquiredAtMs: NOW_MS },
    });
  });

  test('is extended and never shortened, in any order of repeats', async () => {
    const loan = loanOf(7);
    for (const [days, recordedDays] of [
      [7, 7],
      [9, 9],
      [7, 9],
      [9, 9],
    ] as const) {
      await recordLoan({ ...loan, expiresAtMs: NOW_MS + days * DAY_MS }, { records });
      expect(await records.get(LOANS, loan.sessionId)).toMatchObject({
        untilMs: NOW_MS + recordedDays * DAY_MS,
      });
    }
  });

  test('of a license that the records do not know is not recorded: it could not be restored', async () => {
    const loan = loanOf(7, { ...license, licenseId: newLicenseId(license.tenantId) });
    await recordLoan(loan, { records });
    expect(await records.get(LOANS, loan.sessionId)).toBeUndefined();
  });

  test('is forgotten when it is returned, also twice', async () => {
    const loan = loanOf(7);
    await recordLoan(loan, { records });
    for (let n = 0; n < 2; n += 1) await forgetLoan(loan.sessionId, { records });
    expect(await records.get(LOANS, loan.sessionId)).toBeUndefined();
  });
});

describe('a license that the seat store has lost', () => {
  /** A seat store that has no copy, and keeps what it is asked to restore. */
  function openLost(stored: 'MISSING' | 'STALE' = 'MISSING') {
    const lost: LostLicense[] = [];
    const restored: Restored = { isCopyStored: true, seated: [], noRoom: [] };
    const seats: Pick<Seats, 'putLicense' | 'restore'> = {
      putLicense: async () => stored,
      async restore(license) {
        lost.push(license);
        return restored;
      },
    };
    return { seats: seats as Seats, lost, restored };
  }

  test('is restored with its loans and the bars of its tenant, without an event', async () => {
    const { seats, lost, restored } = openLost();
    const { tenantId, licenseId } = license;
    const other = await createLicense();
    const [long, short] = [loanOf(7), loanOf(2)];
    for (const loan of [long, short, loanOf(7, other)]) await recordLoan(loan, { records });
    const bar = { tenantId, userId: 'usr_ada', untilMs: NOW_MS + 5 };
    for (const each of [bar, { ...bar, tenantId: other.tenantId }])
      await records.create(BARS, `${each.tenantId}:${each.userId}`, each);

    expect(await restoreCopy(licenseId, { records, seats })).toBe(restored);
    expect(lost).toEqual([
      {
        entitlement: entitlementOf(license),
        event: undefined,
        loans: [short, long].map((loan) => ({ ...loan, facts: { fingerprint: '' } })),
        bars: [{ userId: 'usr_ada', untilMs: NOW_MS + 5 }],
      },
    ]);
  });

  test('gets no loan again that was released or evicted, even if its document was left', async () => {
    const { seats, lost } = openLost();
    const { tenantId, licenseId } = license;
    const loans = [loanOf(7), loanOf(7), loanOf(7), loanOf(7)];
    const ends = ['session.released', 'session.evicted', 'session.expired', undefined] as const;
    for (const [i, loan] of loans.entries()) {
      await recordLoan(loan, { records });
      const { sessionId } = loan;
      const type = ends[i];
      if (!type) continue;
      const fields = { type, tenantId, licenseId, sessionId, atMs: NOW_MS + 1, position: `${NOW_MS}-1` };
      const history = addToHistory(
        undefined,
        eventOf({ ...fields, ...BY, detail: { acquiredAtMs: NOW_MS } }),
      );
      if (history) await records.create(SESSION_HISTORIES, sessionId, history);
    }
    await restoreCopy(licenseId, { records, seats });
    const ids = lost[0]?.loans.map(({ sessionId }) => sessionId) ?? [];
    expect(ids.toSorted()).toEqual(
      loans
        .slice(2)
        .map(({ sessionId }) => sessionId)
        .toSorted(),
    );
  });

  test('is restored with the event of its change when a copy of a change finds none to replace', async () => {
    const { seats, lost } = openLost();
    await recordLoan(loanOf(7), { records });
    const event = eventOfLicense(license, BY);
    await records.create(AUDIT, event.eventId, unsealed(event, NOW_MS));
    await putCopy(license, { records, seats });
    expect(lost).toMatchObject([{ event, loans: [{ kind: 'loan' }] }]);
    const known = openLost('STALE');
    await putCopy(license, { records, seats: known.seats });
    expect(known.lost).toEqual([]);
  });

  test('is not restored if the records do not know it', async () => {
    const { seats, lost } = openLost();
    expect(await restoreCopy(newLicenseId(license.tenantId), { records, seats })).toBeUndefined();
    expect(lost).toEqual([]);
  });
});
