import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poolKey } from '../shared/adapters/seats/lua/keys.ts';
import { openSeats } from '../shared/adapters/seats/redis-seats.ts';
import { refillingSeats, unknownLicenses } from '../shared/adapters/seats/refilling-seats.ts';
import { newLicenseId, newLicenseKey, newTenantId } from '../shared/domain/ids.ts';
import { draftLicense, entitlementOf } from '../shared/domain/license.ts';
import type { Proof } from '../shared/ports/seats.ts';
import { BY } from '../shared/testing/by.ts';
import { respRequester } from '../shared/testing/servers/resp-requester.ts';
import { type ClockedSuite, openClockedSuite } from './testing/clocked-suite.ts';

let clocked: ClockedSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
});
afterEach(() => clocked.close());

/** A session of a license whose entitlement copy was lost. */
async function sessionWithoutCopy() {
  const license = await clocked.suite.createLicense();
  const { id: sessionId } = await clocked.seat(license, 'machine');
  const { licenseId } = license;
  const copy = poolKey('license', licenseId);
  const hasCopy = async (): Promise<boolean> => (await clocked.redis.command(['EXISTS', copy])) === 1;
  await clocked.redis.command(['DEL', copy]);
  return { licenseId, sessionId, hasCopy };
}

test('reads a session although the copy of its license was lost, and restores the copy', async () => {
  const { licenseId, sessionId, hasCopy } = await sessionWithoutCopy();
  const get = vi.spyOn(clocked.suite.deps.records, 'get');
  const request = { licenseId, proof: { kind: 'trusted' }, sessionId } as const;
  const { seats } = clocked.suite.deps;
  for (let n = 0; n < 2; n += 1) {
    expect(await seats.readSession(request)).toMatchObject({ verdict: 'OK', session: { sessionId } });
  }
  expect(get).toHaveBeenCalledTimes(1);
  expect(await hasCopy()).toBe(true);
});

describe('an unknown license', () => {
  /** A seat store with its own clock, and a call for an unknown license. */
  function openRefilling() {
    const { records } = clocked.suite.deps;
    const get = vi.spyOn(records, 'get');
    let nowMs = 0;
    const direct = openSeats(respRequester(clocked.redis));
    const seats = refillingSeats(direct, records, () => nowMs);
    const tenantId = newTenantId(16);
    const licenseId = newLicenseId(tenantId);
    const proof = { kind: 'license-key', keyHash: 'hash' } as const;
    return {
      seats,
      direct,
      ids: { tenantId, licenseId },
      reads: () => get.mock.calls.length,
      waitMs: (ms: number) => {
        nowMs += ms;
      },
      call: (by: Proof = proof) => seats.heartbeat({ licenseId, proof: by, sessions: [], toldVersion: 0 }),
    };
  }
  const UNKNOWN = { verdict: 'UNKNOWN_LICENSE' };

  test('costs one read a minute, and refuses callers after 20 failed calls a minute', async () => {
    const { call, reads, waitMs } = openRefilling();
    for (let n = 0; n < 20; n += 1) expect(await call()).toEqual(UNKNOWN);
    expect(await call()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 60 });
    waitMs(58_999);
    expect(await call()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 2 });
    waitMs(1_000);
    expect(await call()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
    expect(reads()).toBe(1);
    waitMs(1);
    expect(await call()).toEqual(UNKNOWN);
    expect(reads()).toBe(2);
  });

  test('is counted per license, across all kinds of calls', async () => {
    const [one, two] = [openRefilling(), openRefilling()];
    const { licenseId } = one.ids;
    const sessionRequest = {
      licenseId,
      proof: { kind: 'license-key', keyHash: 'hash' },
      by: BY,
      sessionId: 'ses',
    } as const;
    const callsOfAllKinds = [
      () => one.seats.readSession(sessionRequest),
      () => one.seats.release(sessionRequest),
      () =>
        one.seats.acquire({
          ...sessionRequest,
          kind: 'machine',
          machine: 'm',
          holders: { machine: 'm' },
          facts: { fingerprint: 'f' },
        }),
      () => one.call({ kind: 'user', userId: 'usr_0', tenantIds: [] }),
    ];
    for (let n = 0; n < 20; n += 1) expect(await callsOfAllKinds[n % 4]?.()).toEqual(UNKNOWN);
    for (const call of callsOfAllKinds) expect(await call()).toMatchObject({ verdict: 'TOO_OFTEN' });
    expect(await two.call()).toEqual(UNKNOWN);
  });

  test('is reported as unknown to trusted callers, however often they call', async () => {
    const { call, seats, ids, reads } = openRefilling();
    for (let n = 0; n < 25; n += 1) expect(await call({ kind: 'trusted' })).toEqual(UNKNOWN);
    expect(await seats.listSeats(ids.licenseId, { limit: 0 })).toEqual(UNKNOWN);
    expect(reads()).toBe(1);
  });

  test('is found as soon as it is created, by this instance or another', async () => {
    for (const where of ['seats', 'direct'] as const) {
      const opened = openRefilling();
      const key = newLicenseKey(opened.ids.licenseId);
      const license = draftLicense(opened.ids, key, { max: 1 }, 0);
      const proof = { kind: 'license-key', keyHash: license.keyHash } as const;
      for (let n = 0; n < 21; n += 1) await opened.call(proof);
      await opened[where].restore({ entitlement: entitlementOf(license), loans: [], bars: [] });
      expect(await opened.call(proof)).toMatchObject({ verdict: 'OK' });
    }
  });

  test('is read again at once after its copy was stored here and lost', async () => {
    const { call, seats, ids, reads } = openRefilling();
    await call();
    const entitlement = entitlementOf(draftLicense(ids, 'key', { max: 1 }, 0));
    await seats.restore({ entitlement, loans: [], bars: [] });
    await clocked.redis.command(['DEL', poolKey('license', ids.licenseId)]);
    expect(await call()).toEqual(UNKNOWN);
    expect(reads()).toBe(2);
  });

  test('is dropped from memory, oldest first, when there are more than 10,000', () => {
    const unknown = unknownLicenses(() => 0);
    for (let n = 0; n <= 10_000; n += 1) unknown.add(`license ${n}`);
    expect(unknown.has('license 0')).toBe(false);
    for (const n of [1, 10_000]) expect(unknown.has(`license ${n}`)).toBe(true);
  });
});
