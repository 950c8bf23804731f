import { Firestore } from '@google-cloud/firestore';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { respClient } from '../../shared/local/redis/resp-client.ts';
import { USERS } from '../../shared/ports/collections.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { type RedisServer, startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { newFirestoreProject } from '../../shared/testing/shared-emulators.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { readRedisValues } from '../testing/inspectable-suite.ts';
import { findAda, makePersonalWorld } from '../testing/personal-world.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

describeReal('redis-server', 'a suite on', () => {
  describeReal('Firestore emulator', 'and', () => {
    let redis: RedisServer;
    let firestore: Firestore;
    let suite: TestSuite;
    beforeAll(async () => {
      redis = await startRedisServer();
      const { host, projectId } = await newFirestoreProject();
      firestore = new Firestore({ projectId, host, ssl: false });
      // The first answer of an emulator takes longer than a read waits.
      await firestore.listCollections();
      suite = await openTestSuite({
        REDIS_URL: `redis://${redis.host}:${redis.port}`,
        GOOGLE_CLOUD_PROJECT: projectId,
        FIRESTORE_EMULATOR_HOST: host,
        SHARDS: '1',
      });
    });
    afterAll(async () => {
      await suite?.close();
      await firestore?.terminate();
      await redis?.stop();
    });

    async function documents(): Promise<[string, string][]> {
      const found: [string, string][] = [];
      for (const collection of await firestore.listCollections()) {
        const { docs } = await collection.get();
        found.push(...docs.map((doc): [string, string] => [doc.ref.path, JSON.stringify(doc.data())]));
      }
      return found;
    }

    test('erases a user from every document and every key, and keeps the chain intact', {
      timeout: 90_000,
    }, async () => {
      // Redis has its own clock here: no lease expires.
      const { ada, shopId, labId } = await makePersonalWorld({ suite, moveClock: () => {} });
      const accountId = (await suite.deps.records.get(USERS, ada.userId))?.accountId ?? '';
      const client = respClient(redis);
      const findTraces = async () => [
        ...findAda(await documents(), accountId),
        ...findAda(await readRedisValues(client), accountId),
      ];
      expect((await findTraces()).length).toBeGreaterThan(10);

      const { confirmation_token } = (await ada.call('POST', '/api/v1/gdpr/delete', {})).body;
      const receipt = await ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
      expect(receipt.status, receipt.text).toBe(200);
      expect(receipt.body.erased).toEqual({
        sessions: 8,
        session_histories: 8,
        audit_events: 27,
        memberships: 2,
        invitations: 1,
        sign_ins: 3,
        tenants: 1,
        users: 1,
      });
      expect(await findTraces()).toEqual([]);
      client.close();
      for (const tenantId of [shopId, labId]) {
        expect((await verifyChain(suite.deps.records, tenantId))?.problems).toEqual([]);
      }
    });
  });
});
