import { afterAll, beforeAll, expect, test } from 'vitest';
import { historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { startPushRelay } from '../../shared/testing/servers/push-relay.ts';
import { type RedisServer, startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { newFirestoreProject, newPubSubProject } from '../../shared/testing/shared-emulators.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const TOPIC = 'seatlease-events';

describeReal('redis-server', 'a suite on', () => {
  describeReal('Firestore emulator', 'and', () => {
    describeReal('Pub/Sub emulator', 'and', () => {
      let redis: RedisServer;
      let relay: Awaited<ReturnType<typeof startPushRelay>>;
      let suite: TestSuite;
      beforeAll(async () => {
        redis = await startRedisServer();
        const [firestore, pubsub] = await Promise.all([newFirestoreProject(), newPubSubProject()]);
        suite = await openTestSuite({
          REDIS_URL: `redis://${redis.host}:${redis.port}`,
          GOOGLE_CLOUD_PROJECT: pubsub.projectId,
          FIRESTORE_EMULATOR_HOST: firestore.host,
          EVENTS_TOPIC: TOPIC,
          PUBSUB_EMULATOR_HOST: pubsub.host,
          SHARDS: '2',
        });
        relay = await startPushRelay({
          target: `${suite.doors.internal}/internal/events`,
          token: () => suite.serviceToken('pubsub'),
        });
        await pubsub.createTopic(TOPIC);
        await pubsub.createPushSubscription({
          topic: TOPIC,
          subscription: 'record-event',
          endpoint: relay.url,
        });
      });
      afterAll(async () => {
        await suite?.close();
        await relay?.close();
        await redis?.stop();
      });

      test('records each acquired and released seat once, although answers of the recording are lost', {
        timeout: 90_000,
      }, async () => {
        const license = await suite.createLicense({ max: 3 });
        const sessions: string[] = [];
        for (const machine of ['a', 'b', 'c'])
          sessions.push((await license.acquire(machine)).body.session_id);
        for (const session of sessions) await license.release(session);
        relay.dropNextDeliveries(1);
        relay.dropNextAnswers(2);
        const { body } = await suite.sweep();
        expect(body).toMatchObject({ published: 7, pending: 0, complete: true });

        const { records } = suite.deps;
        await expect
          .poll(() => storyOf(records, license.licenseId), { timeout: 60_000 })
          .toHaveLength(2 * sessions.length);
        const story = await storyOf(records, license.licenseId);
        expect(story.toSorted()).toEqual(
          sessions.flatMap((id) => [`session.acquired ${id}`, `session.released ${id}`]).toSorted(),
        );
        const histories = await historiesOf(records, license.licenseId);
        expect(histories.map(({ isOpen, endReason }) => [isOpen, endReason])).toEqual(
          Array(3).fill([false, 'released']),
        );
        await suite.sweep();
        const { tenantId } = license;
        expect(await verifyChain(records, tenantId)).toMatchObject({ sealed: 8, unsealed: 0, problems: [] });
      });
    });
  });
});
