import { afterAll, beforeAll, expect, test } from 'vitest';
import { MANIFEST } from '../../functions/manifest.ts';
import { entryPointOf } from '../../functions/names.ts';
import { deployedEnvironment } from '../../functions/testing/deployed-environment.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';
import { matchPath, publicRoutes } from '../../shared/http/route.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashServer, type UpstashServer } from '../../shared/local/redis/upstash-server.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import {
  type FirestoreEmulator,
  startFirestoreEmulator,
} from '../../shared/testing/servers/firestore-emulator.ts';
import { startFront } from '../verify-deploy/front.ts';
import { printSteps } from '../verify-deploy/print-steps.ts';
import { type RunningFunction, startFunction } from './start-function.ts';
import { sharedBundles } from './testing/shared-bundles.ts';

/** The functions of the story that run here. The others need tokens of Google, or Cloud KMS. */
const BUNDLED = ['licenses', 'acquire', 'heartbeat', 'release', 'sessions', 'audit'];

describeReal('Firestore emulator', 'the bundles behind one origin', () => {
  let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
  let upstash: UpstashServer;
  let firestore: FirestoreEmulator;
  let suite: TestSuite;
  const running = new Map<string, RunningFunction>();

  beforeAll(async () => {
    [redis, firestore] = await Promise.all([startEmbeddedRedis(), startFirestoreEmulator()]);
    upstash = await startUpstashServer({ backend: redis, token: 'token' });
    const parts = {
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: 'token',
      GOOGLE_CLOUD_PROJECT: firestore.projectId,
      FIRESTORE_EMULATOR_HOST: firestore.host,
      SHARDS: '2',
    };
    suite = await openTestSuite(parts);
    // The first connection to the emulator may take longer than the health check waits for.
    await suite.createLicense();
    const bundles = [...(await sharedBundles()).values()].filter(({ name }) => BUNDLED.includes(name));
    for (const { name, folder } of bundles)
      running.set(name, await startFunction(folder, entryPointOf(name), deployedEnvironment(parts)));
  }, 120_000);

  afterAll(async () => {
    for (const each of running.values()) await each.stop();
    await suite.close();
    await upstash.close();
    await Promise.all([redis.close(), firestore.stop()]);
  });

  test('pass the main story of verify-deploy', async () => {
    const routes = publicRoutes(MANIFEST);
    const called = new Set<string>();
    const front = await startFront((_, path) => {
      const name = routes.find((route) => matchPath(route.path, path))?.functionName ?? '';
      const bundled = running.get(name);
      if (bundled) called.add(name);
      return bundled?.url ?? suite.url;
    });
    const lines: string[] = [];
    const target = { url: front.url, operatorKey: OPERATOR_KEY, hintIfUnreachable: '', hintIfKeyRefused: '' };
    try {
      const hasPassed = await printSteps(target, (line) => lines.push(line), {
        urlOf: () => suite.doors['run.app'],
        auditWithinMs: 9_000,
        wait: () => suite.settle(),
      });
      expect(hasPassed, lines.join('\n')).toBe(true);
    } finally {
      front.close();
    }
    expect([...called].toSorted()).toEqual(BUNDLED.toSorted());
  });
});
