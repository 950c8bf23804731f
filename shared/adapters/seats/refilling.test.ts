import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../testing/clocked-suite.ts';
import { poolKey } from './lua/keys.ts';

let clocked: ClockedSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
});
afterEach(() => clocked.close());

/** A session of a license whose entitlement copy is lost. */
async function sessionWithoutCopy() {
  const license = await clocked.suite.createLicense();
  const { id: sessionId } = await clocked.seat(license, 'machine');
  const { licenseId } = license;
  const copy = poolKey('license', licenseId);
  const hasCopy = async (): Promise<boolean> => (await clocked.redis.command(['EXISTS', copy])) === 1;
  await clocked.redis.command(['DEL', copy]);
  return { licenseId, sessionId, hasCopy };
}

test('a session is read though the copy of its license was lost, and the copy is there again', async () => {
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

test('what was signed is kept without asking for the license', async () => {
  const { licenseId, sessionId, hasCopy } = await sessionWithoutCopy();
  const get = vi.spyOn(clocked.suite.deps.records, 'get');
  expect(await clocked.suite.deps.seats.keepSigned(licenseId, sessionId, 'signed')).toBe('KEPT');
  expect(get).not.toHaveBeenCalled();
  expect(await hasCopy()).toBe(false);
});
