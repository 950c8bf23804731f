/**
 * Runs in its own process. Answers one acquire request as a deployed function does, with records in Firestore and seats
 * in a fake Upstash, or on a Redis server if the first argument is `redis`. Prints the files that were loaded for it, then the files that importing two SDKs adds, which
 * proves that the check would have detected the SDKs.
 */
import { createServer } from 'node:http';
import { registerHooks } from 'node:module';
import type { AddressInfo } from 'node:net';

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});

const { startEmbeddedRedis } = await import('../../shared/local/redis/embedded-redis.ts');
const { startUpstashServer } = await import('../../shared/local/redis/upstash-server.ts');
const { readConfig } = await import('../../shared/config.ts');
const { deployedEnvironment } = await import('./deployed-environment.ts');
const { putNewLicense } = await import('../../shared/testing/seats/put-license.ts');
const { assembleDeps } = await import('../../shared/wiring.ts');
const { openSuite } = await import('../open-suite.ts');

const redis = await startEmbeddedRedis();
const front = await startUpstashServer({ backend: redis, token: 'token' });
const environment =
  process.argv[2] === 'redis'
    ? {
        ...deployedEnvironment({ REDIS_URL: `redis://${redis.host}:${redis.port}` }),
        UPSTASH_REDIS_REST_URL: undefined,
        UPSTASH_REDIS_REST_TOKEN: undefined,
      }
    : deployedEnvironment({ UPSTASH_REDIS_REST_URL: front.url });
const deps = await assembleDeps(readConfig(environment));
const { key } = await putNewLicense(deps.seats, { max: 1 });

const { acquire } = openSuite(async () => ({ ...deps, log: () => {} }));
const server = createServer(acquire);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const answer = await fetch(`http://127.0.0.1:${port}/`, {
  method: 'POST',
  headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
  body: JSON.stringify({ fingerprint: 'machine' }),
});
const forAcquire = [...loaded];
await import('stripe');
await import('google-auth-library');
const withSdks = loaded.slice(forAcquire.length);
process.stdout.write(JSON.stringify({ status: answer.status, forAcquire, withSdks }), () => process.exit(0));
