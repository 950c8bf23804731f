import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSeats } from './adapters/seats/live.ts';
import { refillingSeats } from './adapters/seats/refilling.ts';
import { httpRequester } from './adapters/seats/requester.ts';
import type { RespOptions } from './adapters/seats/resp-client.ts';
import type { Config } from './config.ts';
import { pseudonyms } from './domain/holder.ts';
import { secretMatcher } from './domain/secret.ts';
import { sessionTokens } from './domain/session-token.ts';
import { logToStandardOutput } from './http/log.ts';
import type { Deps } from './ports/deps.ts';
import type { Records } from './ports/records.ts';

/** Puts the parts together that `config` names. What runs in this process for want of a real part ends with `close`. */
export async function openDeps(config: Config): Promise<Deps> {
  const redis = await openUpstash(config.seats);
  const records = await openRecords(config);
  const seats = refillingSeats(openSeats(httpRequester(redis)), records);
  return {
    seats,
    records,
    clock: { nowMs: () => Date.now() },
    pseudonyms: pseudonyms(config.pseudonymKey),
    sessionTokens: sessionTokens(config.sessionTokenKeys),
    isOperatorKey: secretMatcher(config.operatorKey),
    shards: config.shards,
    projectId: config.projectId,
    log: logToStandardOutput,
    async close() {
      await Promise.all([seats.close(), records.close()]);
      await redis.close();
    },
  };
}

interface Upstash {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Upstash itself, or a front that speaks its protocol over a Redis server or an embedded Redis. */
async function openUpstash(seats: Config['seats']): Promise<Upstash> {
  if (seats.kind === 'upstash') return { ...seats, close: async () => {} };
  const { startUpstashFront } = await import('./adapters/seats/upstash-front.ts');
  const token = randomBytes(24).toString('base64url');
  if (seats.kind === 'redis') return startUpstashFront({ backend: backendOf(seats.url), token });
  const { startEmbeddedRedis } = await import('./adapters/seats/embedded-redis.ts');
  const redis = await startEmbeddedRedis();
  const front = await startUpstashFront({ backend: redis, token });
  return {
    ...front,
    async close() {
      await front.close();
      await redis.close();
    },
  };
}

async function openRecords({ records, dataFolder }: Config): Promise<Records> {
  if (records.kind === 'firestore') {
    const { openFirestoreRecords } = await import('./adapters/records/firestore.ts');
    return openFirestoreRecords(records);
  }
  const { openSqliteRecords } = await import('./adapters/records/sqlite.ts');
  mkdirSync(dataFolder, { recursive: true });
  return openSqliteRecords(join(dataFolder, 'records.db'));
}

function backendOf(redisUrl: string): RespOptions {
  const { hostname, port, username, password, pathname } = new URL(redisUrl);
  return {
    host: hostname,
    port: Number(port || 6379),
    username: username ? decodeURIComponent(username) : undefined,
    password: password ? decodeURIComponent(password) : undefined,
    db: pathname.length > 1 ? Number(pathname.slice(1)) : undefined,
  };
}
