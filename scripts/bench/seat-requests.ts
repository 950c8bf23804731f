import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import acquire from '../../functions/acquire/contract.ts';
import heartbeat from '../../functions/heartbeat/contract.ts';
import release from '../../functions/release/contract.ts';
import { type Answer, type Ask, eachOnce, just, type Measured, type Turn } from './load.ts';

export const SEAT_VERBS = ['acquire', 'heartbeat', 'release'] as const;
export type SeatVerb = (typeof SEAT_VERBS)[number];

/** Base URL of each of the three functions; the same for all if one origin serves them. */
export type SeatUrls = Readonly<Record<SeatVerb, string>>;

export interface HeldSession {
  readonly session_id: string;
  readonly session_token: string;
}

const Held = z.object({ session_id: z.string(), session_token: z.string() });

export type SeatRequests = ReturnType<typeof seatRequests>;

/** A client app's requests to acquire, keep and release a seat, as our SDK sends them. */
export function seatRequests(urls: SeatUrls, licenseKey: string) {
  const headers = { authorization: `License ${licenseKey}`, 'content-type': 'application/json' };
  return {
    acquire: (fingerprint: string, expected: readonly number[] = [201]): Ask => {
      const { method, path } = acquire.endpoints.acquire;
      const body = JSON.stringify({
        fingerprint,
        instance_id: randomUUID(),
        hostname: `${fingerprint}.example`,
        app_version: '1.2.3',
      });
      return { verb: 'acquire', method, url: `${urls.acquire}${path}`, headers, body, expected };
    },
    heartbeat: (held: HeldSession): Ask => {
      const { method, path } = heartbeat.endpoints.heartbeat;
      const url = `${urls.heartbeat}${path}`;
      return { verb: 'heartbeat', method, url, headers, body: JSON.stringify(held), expected: [200] };
    },
    release: (held: HeldSession): Ask => {
      const { method, path } = release.endpoints.release;
      const url = `${urls.release}${path}`;
      return { verb: 'release', method, url, headers, body: JSON.stringify(held), expected: [204] };
    },
  };
}

/** The session in the response to an acquire. */
export function sessionOf({ text }: Answer): HeldSession {
  const { session_id, session_token } = z.parse(Held, JSON.parse(text));
  return { session_id, session_token };
}

/** Acquires a seat, sends a heartbeat and releases it. */
export function* oneSeat(asks: SeatRequests, fingerprint: string): Turn {
  const answer = yield asks.acquire(fingerprint);
  if (!answer) return;
  const held = sessionOf(answer);
  yield asks.heartbeat(held);
  yield asks.release(held);
}

/**
 * Acquires a seat for each machine, then sends a heartbeat for each, then releases each, with `clients` clients at
 * once.
 */
export async function fillAndEmpty(
  asks: SeatRequests,
  machines: readonly string[],
  clients: number,
): Promise<ReadonlyMap<string, Measured>> {
  const held: HeldSession[] = [];
  return new Map([
    ...(await eachOnce(clients, machines, function* (machine) {
      const answer = yield asks.acquire(machine);
      if (answer) held.push(sessionOf(answer));
    })),
    ...(await eachOnce(clients, held, (session) => just(asks.heartbeat(session)))),
    ...(await eachOnce(clients, held, (session) => just(asks.release(session)))),
  ]);
}
