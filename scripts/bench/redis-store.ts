import { openSeats } from '../../shared/adapters/seats/redis-seats.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import type { Proof, Seats } from '../../shared/ports/seats.ts';
import { BY } from '../../shared/testing/by.ts';
import { startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { respRequester } from '../../shared/testing/servers/resp-requester.ts';

/** Lengths as in our SDK and in `holder.ts`. */
const FINGERPRINT_CHARACTERS = 43;
const HOLDER_CHARACTERS = 12;

/** The holder of a new session's seat, if it is its machine's first. */
export const holderOf = (sessionId: string): string => sessionId.slice(-HOLDER_CHARACTERS);

export const TRUSTED: Proof = { kind: 'trusted' };

/** A separate Redis and the seats adapter on it, without HTTP. */
export interface RedisStore {
  readonly redis: RespClient;
  readonly seats: Seats;
  close(): Promise<void>;
}

export async function openRedisStore(): Promise<RedisStore> {
  const server = await startRedisServer();
  const redis = respClient(server);
  return {
    redis,
    seats: openSeats(respRequester(redis)),
    async close() {
      redis.close();
      await server.stop();
    },
  };
}

/** Acquires a seat for a new machine, or joins the seat of `holder`, with the facts that our SDK sends. */
export function acquireSeat(
  seats: Seats,
  licenseId: string,
  sessionId: string,
  holder = holderOf(sessionId),
) {
  return seats.acquire({
    licenseId,
    proof: TRUSTED,
    by: BY,
    kind: 'instance',
    sessionId,
    holders: { machine: holder },
    machine: holder,
    facts: {
      fingerprint: sessionId.slice(-16).padEnd(FINGERPRINT_CHARACTERS, '-'),
      hostname: `${sessionId.slice(-8)}.example`,
      appVersion: '1.2.3',
    },
  });
}
