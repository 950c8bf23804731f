import * as z from 'zod/mini';
import acquire from '../../functions/acquire/contract.ts';
import heartbeat from '../../functions/heartbeat/contract.ts';
import release from '../../functions/release/contract.ts';
import type { Answer, Ask, Turn } from './load.ts';

/** Where each of the three functions is reached; one address where one origin has them all. */
export interface SeatUrls {
  readonly acquire: string;
  readonly heartbeat: string;
  readonly release: string;
}

export interface HeldSession {
  readonly session_id: string;
  readonly session_token: string;
}

const Held = z.object({ session_id: z.string(), session_token: z.string() });

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
export function* oneSeat(asks: ReturnType<typeof seatRequests>, fingerprint: string): Turn {
  const answer = yield asks.acquire(fingerprint);
  if (!answer) return;
  const held = sessionOf(answer);
  yield asks.heartbeat(held);
  yield asks.release(held);
}
