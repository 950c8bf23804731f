import { expect, test } from 'vitest';
import { createSend } from './api-call.ts';
import { createCredentials, type OwnCredentials } from './credentials.ts';
import {
  type FakeAnswer,
  fakeServer,
  memoryStorage,
  problemResponse,
  type Seen,
} from './testing/fake-server.ts';

const MINUTE_MS = 60_000;

/** A token endpoint that rotates as ours does: a refresh token that comes twice is refused. */
function tokenServer() {
  let generation = 0;
  const answer: FakeAnswer = ({ path, body }) => {
    if (path === '/auth/sign-out') return new Response(null, { status: 204 });
    const { refresh_token } = body as { refresh_token?: string };
    if (refresh_token !== undefined && refresh_token !== `refresh-${generation}`) {
      return problemResponse(400, 'GRANT_INVALID');
    }
    generation += 1;
    return Response.json({
      access_token: `access-${generation}`,
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: `refresh-${generation}`,
    });
  };
  return answer;
}

function world(answer: FakeAnswer = tokenServer()) {
  const { fetch, seen } = fakeServer((request) => answer(request));
  const storage = memoryStorage();
  const clock = { nowMs: 0 };
  const open = (): OwnCredentials => createCredentials(createSend(fetch), storage, () => clock.nowMs);
  const signedIn = async (): Promise<OwnCredentials> => {
    const credentials = open();
    await credentials.redeem('code', 'verifier', 'https://console.test/console/signed-in');
    return credentials;
  };
  const kept = (): string[] =>
    Array.from({ length: storage.length }, (_, index) => storage.getItem(storage.key(index) ?? '') ?? '');
  return { open, signedIn, seen, clock, kept };
}

const grantOf = ({ body }: Seen): unknown => (body as { grant_type: unknown }).grant_type;

test('nobody is signed in at first, and no request is made to find that out', async () => {
  const { open, seen } = world();
  const credentials = open();
  expect(credentials.identity()).toBe('nobody');
  expect(await credentials.authorization()).toBeUndefined();
  expect(seen).toEqual([]);
});

test('a reload goes on with the token that is good, and asks for none that it could lose', async () => {
  const { open, signedIn, seen, clock } = world();
  expect(await (await signedIn()).authorization()).toBe('Bearer access-1');
  const asked = seen.length;
  const reloaded = open();
  expect(reloaded.identity()).toBe('person');
  expect(await reloaded.authorization()).toBe('Bearer access-1');
  expect(seen).toHaveLength(asked);
  clock.nowMs += 20 * MINUTE_MS;
  expect(await open().authorization()).toBe('Bearer access-2');
});

test('nothing of a sign-in that has ended is kept', async () => {
  const { signedIn, kept } = world();
  const credentials = await signedIn();
  expect(kept()).toHaveLength(2);
  await credentials.signOut();
  expect(kept()).toEqual([]);
});

test('a token is renewed before it runs out, and not sooner', async () => {
  const { signedIn, seen, clock } = world();
  const credentials = await signedIn();
  clock.nowMs = 14 * MINUTE_MS;
  expect(await credentials.authorization()).toBe('Bearer access-1');
  clock.nowMs = 14.6 * MINUTE_MS;
  expect(await credentials.authorization()).toBe('Bearer access-2');
  expect(seen.map(grantOf)).toEqual(['authorization_code', 'refresh_token']);
});

test('many that need a token at once show the refresh token once', async () => {
  const { open, signedIn, seen, clock } = world();
  await signedIn();
  const reloaded = open();
  clock.nowMs = 15 * MINUTE_MS;
  const all = await Promise.all([
    reloaded.authorization(),
    reloaded.authorization(),
    reloaded.renew('Bearer access-1'),
  ]);
  expect(new Set(all)).toEqual(new Set(['Bearer access-2']));
  expect(seen).toHaveLength(2);
});

test('whoever was refused with a token that was renewed meanwhile gets the new one without another request', async () => {
  const { signedIn, seen } = world();
  const credentials = await signedIn();
  await credentials.renew('Bearer access-1');
  expect(await credentials.renew('Bearer access-1')).toBe('Bearer access-2');
  expect(seen).toHaveLength(2);
});

test('a sign-in that the server has ended is over here too', async () => {
  let hasEnded = false;
  const tokens = tokenServer();
  const { signedIn, clock, kept } = world((seen) =>
    hasEnded ? problemResponse(400, 'GRANT_INVALID') : tokens(seen),
  );
  const credentials = await signedIn();
  const told: string[] = [];
  credentials.onChange((why) => told.push(why));
  hasEnded = true;
  clock.nowMs = 15 * MINUTE_MS;
  expect(await credentials.authorization()).toBeUndefined();
  expect(credentials.identity()).toBe('nobody');
  expect(kept()).toEqual([]);
  expect(told).toEqual(['ended']);
});

test.each([
  ['away', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['overloaded', () => problemResponse(503, 'IDENTITY_UNAVAILABLE')],
])('a server that is %s signs nobody out', async (_, trouble) => {
  let isAway = false;
  const tokens = tokenServer();
  const { signedIn, clock } = world((seen) => (isAway ? trouble() : tokens(seen)));
  const credentials = await signedIn();
  clock.nowMs = 15 * MINUTE_MS;
  isAway = true;
  await expect(credentials.authorization()).rejects.toThrow();
  expect(credentials.identity()).toBe('person');
  isAway = false;
  expect(await credentials.authorization()).toBe('Bearer access-2');
});

test('signing out ends the sign-in here and at the server', async () => {
  const { signedIn, seen, kept } = world();
  const credentials = await signedIn();
  await credentials.signOut();
  expect(credentials.identity()).toBe('nobody');
  expect(kept()).toEqual([]);
  expect(await credentials.authorization()).toBeUndefined();
  expect(seen.at(-1)).toMatchObject({ path: '/auth/sign-out', body: { refresh_token: 'refresh-1' } });
});

test('a token that comes after the person has signed out is dropped', async () => {
  const { signedIn, clock, kept } = world();
  const credentials = await signedIn();
  clock.nowMs = 15 * MINUTE_MS;
  const late = credentials.authorization();
  await credentials.signOut();
  expect(await late).toBeUndefined();
  expect(kept()).toEqual([]);
});

test('the operator key is asked about before it is used, and is in no storage', async () => {
  const { open, seen, kept } = world(({ authorization }) =>
    authorization === 'Operator right' ? Response.json({}) : problemResponse(401, 'CREDENTIALS_INVALID'),
  );
  const credentials = open();
  await expect(credentials.useOperatorKey('wrong')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
  expect(credentials.identity()).toBe('nobody');
  await credentials.useOperatorKey('right');
  expect(credentials.identity()).toBe('operator-key');
  expect(await credentials.authorization()).toBe('Operator right');
  expect(await credentials.renew('Operator right')).toBeUndefined();
  expect(kept()).toEqual([]);
  expect(seen).toHaveLength(2);
});
