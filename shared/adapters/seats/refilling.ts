import { entitlementOf } from '../../domain/license.ts';
import { LICENSES } from '../../ports/catalogue.ts';
import type { Records } from '../../ports/records.ts';
import type { Seats } from '../../ports/seats.ts';

/**
 * Seats whose entitlement copies refill themselves: a verb that finds none reads the license from the records once,
 * stores the copy and asks again. A license that the records do not know either stays `UNKNOWN_LICENSE`. While the
 * copy is there, the records are not touched.
 */
export function refillingSeats(seats: Seats, records: Records): Seats {
  async function refilled<V extends { verdict: string }>(
    licenseId: string,
    ask: () => Promise<V>,
  ): Promise<V> {
    const answer = await ask();
    if (answer.verdict !== 'UNKNOWN_LICENSE') return answer;
    const license = await records.get(LICENSES, licenseId);
    if (!license) return answer;
    await seats.putLicense(entitlementOf(license));
    return ask();
  }

  return {
    acquire: (request) => refilled(request.licenseId, () => seats.acquire(request)),
    heartbeat: (request) => refilled(request.licenseId, () => seats.heartbeat(request)),
    readSession: (request) => refilled(request.licenseId, () => seats.readSession(request)),
    keepSigned: (licenseId, sessionId, signed) => seats.keepSigned(licenseId, sessionId, signed),
    release: (request) => refilled(request.licenseId, () => seats.release(request)),
    listSessions: (licenseId, page) => refilled(licenseId, () => seats.listSessions(licenseId, page)),
    putLicense: (entitlement, event) => seats.putLicense(entitlement, event),
    ping: () => seats.ping(),
    close: () => seats.close(),
  };
}
