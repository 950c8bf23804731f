import { beforeAll, describe, expect, inject, test } from 'vitest';
import * as z from 'zod/mini';
import { Unavailable } from '../errors.ts';
import type { Collection, Query, Records } from '../ports/records.ts';
import { newLicense } from '../testing/contracts/events/suite.ts';
import { cannedServer } from '../testing/servers/canned-server.ts';
import { freePort } from '../testing/servers/free-port.ts';
import { startKmsServer } from '../testing/servers/kms-server.ts';
import { silentServer } from '../testing/servers/silent-server.ts';
import { openPubSubEvents } from './events/pubsub-events.ts';
import { IssuerKeys } from './identity/issuer-keys.ts';
import { openFirestoreRecords } from './records/firestore-records.ts';
import { openGoogleSignIn } from './sign-in/google-sign-in.ts';
import { openKmsSigner } from './signer/kms-signer.ts';

/** The default deadlines of the adapters; the tests beside the adapters set shorter ones. */

/** A busy machine may end a wait later. */
const ABOUT_5_SECONDS = { atLeastMs: 3_500, lessThanMs: 10_000 };

// An operation loads its SDK first, which is not part of its deadline.
beforeAll(async () => {
  await import('@google-cloud/firestore');
  await import('@google-cloud/pubsub');
  await import('@google-cloud/kms');
  await import('google-auth-library');
});

const counters: Collection<{ count: number }> = {
  name: 'counters',
  schema: z.object({ count: z.number() }),
};
const byCount: Query<{ count: number }> = {
  name: 'byCount',
  collection: counters,
  where: [],
  orderBy: { field: 'count', direction: 'asc' },
};
const RECORDS: readonly [string, (records: Records) => Promise<unknown>][] = [
  ['read', (records) => records.get(counters, 'a')],
  ['query', (records) => records.query(byCount, {}, { limit: 1 })],
  ['create', (records) => records.create(counters, 'a', { count: 1 })],
  ['transaction', (records) => records.transact((transaction) => transaction.get(counters, 'total'))],
  ['ping', (records) => records.ping()],
];

describe.concurrent('when nothing listens', () => {
  test.each(RECORDS)('a %s of Firestore is Unavailable within about 5 seconds', async (_, operation) => {
    const records = openFirestoreRecords({
      projectId: 'demo-dead',
      emulatorHost: `127.0.0.1:${await freePort()}`,
    });
    expect(await timeUntilUnavailable(operation(records))).toBeLessThan(ABOUT_5_SECONDS.lessThanMs);
    await records.close();
  });

  test('publishing to Pub/Sub is Unavailable within about 5 seconds', async () => {
    const emulatorHost = `127.0.0.1:${await freePort()}`;
    const events = openPubSubEvents({ projectId: 'demo-dead', topic: 'seats', emulatorHost });
    expectAbout5Seconds(await timeUntilUnavailable(events.publish([newLicense().next()])));
    await events.close();
  });
});

describe.concurrent('when a server accepts and then sends nothing', () => {
  test('a read of Firestore is Unavailable within about 5 seconds', async () => {
    await using silent = await silentServer();
    const records = openFirestoreRecords({ projectId: 'demo-silent', emulatorHost: silent.host });
    expectAbout5Seconds(await timeUntilUnavailable(records.get(counters, 'a')));
    await records.close();
  });

  test('publishing to Pub/Sub is Unavailable within about 5 seconds', async () => {
    await using silent = await silentServer();
    const options = { projectId: 'demo-silent', topic: 'seats', emulatorHost: silent.host };
    const events = openPubSubEvents(options);
    expectAbout5Seconds(await timeUntilUnavailable(events.publish([newLicense().next()])));
    await events.close();
  });

  test('signing by Cloud KMS is Unavailable within about 5 seconds', async () => {
    const server = await startKmsServer([...inject('signingKeys')]);
    const signer = openKmsSigner({ keyVersion: server.versionName(1), client: server.client });
    await signer.ping();
    server.silenceConnections();
    expectAbout5Seconds(await timeUntilUnavailable(signer.ping()));
    await signer.close();
    await server.close();
  });

  test('a sign-in by Google is Unavailable within about 5 seconds', async () => {
    const { url, close } = await cannedServer(() => {});
    const endpoints = { authorize: `${url}/authorize`, token: `${url}/token`, jwks: `${url}/jwks` };
    const signIn = openGoogleSignIn({ clientId: 'client', clientSecret: 'secret', endpoints });
    const answer = {
      code: 'code',
      codeVerifier: 'verifier',
      redirectUri: 'https://seatlease.example/auth/callback',
      nonce: 'nonce',
    };
    expectAbout5Seconds(await timeUntilUnavailable(signIn.redeem(answer)));
    close();
  });

  test('reading the keys of an issuer is Unavailable within about 3 seconds', async () => {
    const { url, close } = await cannedServer(() => {});
    const tookMs = await timeUntilUnavailable(new IssuerKeys(url).keyFor('key'));
    expect(tookMs).toBeGreaterThan(2_500);
    expect(tookMs).toBeLessThan(ABOUT_5_SECONDS.lessThanMs);
    close();
  });
});

function expectAbout5Seconds(tookMs: number): void {
  expect(tookMs).toBeGreaterThan(ABOUT_5_SECONDS.atLeastMs);
  expect(tookMs).toBeLessThan(ABOUT_5_SECONDS.lessThanMs);
}

async function timeUntilUnavailable(operation: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  const error = await operation.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Unavailable);
  return performance.now() - startMs;
}
