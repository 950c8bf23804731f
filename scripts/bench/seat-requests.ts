import * as z from 'zod/mini';
import acquire from '../../functions/acquire/contract.ts';
import heartbeat from '../../functions/heartbeat/contract.ts';
import release from '../../functions/release/contract.ts';
import { type Answer, type Ask, eachOnce, just, type Measured, type Turn } from './load.ts';

export const SEAT_VERBS = ['acquire', 'heartbeat', 'release'] as const;
export type SeatVerb = (typeof SEAT_VERBS)[number];

/** Where each of the three functions is reached; one address where one origin has them all. */
export type SeatUrls = Readonly<Record<SeatVerb, string>>;

export interface HeldSession {
  readonly session_id: string;
  readonly session_token: string;
}

const Held = z.object({ session_id: z.string(), session_token: z.string() });

export type SeatRequests = ReturnType<typeof seatRequests>;

/** What a client app asks to take, keep and give back a seat, as our SDK does. */
export function seatRequests(urls: SeatUrls, licenseKey: string) {
  const headers = { authorization: `License ${licenseKey}`, 'content-type': 'application/json' };
  return {
    acquire: (fingerprint: string, expected: readonly number[] = [201]): Ask => {
      const { method, path } = acquire.endpoints.acquire;
      const body = JSON.stringify({ fingerprint, hostname: `${fingerprint}.example`, app_version: '1.2.3' });
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

/** The session that an acquire was answered with. */
export function sessionOf({ text }: Answer): HeldSession {
  const { session_id, session_token } = z.parse(Held, JSON.parse(text));
  return { session_id, session_token };
}

/** Takes a seat, keeps it and gives it back. */
export function* oneSeat(asks: SeatRequests, fingerprint: string): Turn {
  const answer = yield asks.acquire(fingerprint);
  if (!answer) return;
  const held = sessionOf(answer);
  yield asks.heartbeat(held);
  yield asks.release(held);
}

/** Takes a seat for each machine, when all have one keeps each, and then gives each back; so many clients at once. */
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
