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

/** A fake token endpoint. Like the real one, it rotates refresh tokens and rejects a used one. */
function tokenServer() {
  let generation = 0;
  const answer: FakeAnswer = ({ path, body }) => {
    if (path === '/auth/revoke') return new Response('');
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
  const stored = (): string[] =>
    Array.from({ length: storage.length }, (_, index) => storage.getItem(storage.key(index) ?? '') ?? '');
  return { open, signedIn, seen, clock, stored };
}

const grantOf = ({ body }: Seen): unknown => (body as { grant_type: unknown }).grant_type;

test('starts signed out without sending a request', async () => {
  const { open, seen } = world();
  const credentials = open();
  expect(credentials.identity()).toBe('signed-out');
  expect(await credentials.authorization()).toBeUndefined();
  expect(seen).toEqual([]);
});

test('keeps a valid access token over a reload without requesting another', async () => {
  const { open, signedIn, seen, clock } = world();
  expect(await (await signedIn()).authorization()).toBe('Bearer access-1');
  const before = seen.length;
  const reloaded = open();
  expect(reloaded.identity()).toBe('user');
  expect(await reloaded.authorization()).toBe('Bearer access-1');
  expect(seen).toHaveLength(before);
  clock.nowMs += 20 * MINUTE_MS;
  expect(await open().authorization()).toBe('Bearer access-2');
});

test('deletes both stored tokens when the user signs out', async () => {
  const { signedIn, stored } = world();
  const credentials = await signedIn();
  expect(stored()).toHaveLength(2);
  await credentials.signOut();
  expect(stored()).toEqual([]);
});

test('renews the access token within the last 30 seconds before it expires', async () => {
  const { signedIn, seen, clock } = world();
  const credentials = await signedIn();
  clock.nowMs = 14 * MINUTE_MS;
  expect(await credentials.authorization()).toBe('Bearer access-1');
  clock.nowMs = 14.6 * MINUTE_MS;
  expect(await credentials.authorization()).toBe('Bearer access-2');
  expect(seen.map(grantOf)).toEqual(['authorization_code', 'refresh_token']);
});

test('sends the refresh token once for concurrent requests', async () => {
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

test('returns the current token, without a request, when an older token was rejected', async () => {
  const { signedIn, seen } = world();
  const credentials = await signedIn();
  await credentials.renew('Bearer access-1');
  expect(await credentials.renew('Bearer access-1')).toBe('Bearer access-2');
  expect(seen).toHaveLength(2);
});

test('signs out and reports why when the server has ended the sign-in', async () => {
  let hasEnded = false;
  const tokens = tokenServer();
  const { signedIn, clock, stored } = world((seen) =>
    hasEnded ? problemResponse(400, 'GRANT_INVALID') : tokens(seen),
  );
  const credentials = await signedIn();
  const changes: string[] = [];
  credentials.onChange((why) => changes.push(why));
  hasEnded = true;
  clock.nowMs = 15 * MINUTE_MS;
  expect(await credentials.authorization()).toBeUndefined();
  expect(credentials.identity()).toBe('signed-out');
  expect(stored()).toEqual([]);
  expect(changes).toEqual(['ended']);
});

test.each([
  ['unreachable', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['overloaded', () => problemResponse(503, 'IDENTITY_UNAVAILABLE')],
])('stays signed in while the server is %s', async (_, trouble) => {
  let isDown = false;
  const tokens = tokenServer();
  const { signedIn, clock } = world((seen) => (isDown ? trouble() : tokens(seen)));
  const credentials = await signedIn();
  clock.nowMs = 15 * MINUTE_MS;
  isDown = true;
  await expect(credentials.authorization()).rejects.toThrow();
  expect(credentials.identity()).toBe('user');
  isDown = false;
  expect(await credentials.authorization()).toBe('Bearer access-2');
});

test('signs out in the tab and on the server', async () => {
  const { signedIn, seen, stored } = world();
  const credentials = await signedIn();
  await credentials.signOut();
  expect(credentials.identity()).toBe('signed-out');
  expect(stored()).toEqual([]);
  expect(await credentials.authorization()).toBeUndefined();
  expect(seen.at(-1)).toMatchObject({
    path: '/auth/revoke',
    body: { client_id: 'seatlease-console', token: 'refresh-1' },
  });
});

test('discards a token that arrives after signing out', async () => {
  const { signedIn, clock, stored } = world();
  const credentials = await signedIn();
  clock.nowMs = 15 * MINUTE_MS;
  const late = credentials.authorization();
  await credentials.signOut();
  expect(await late).toBeUndefined();
  expect(stored()).toEqual([]);
});

test('checks the operator key before using it, and never stores it', async () => {
  const { open, seen, stored } = world(({ authorization }) =>
    authorization === 'Operator right' ? Response.json({}) : problemResponse(401, 'CREDENTIALS_INVALID'),
  );
  const credentials = open();
  await expect(credentials.useOperatorKey('wrong')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
  expect(credentials.identity()).toBe('signed-out');
  await credentials.useOperatorKey('right');
  expect(credentials.identity()).toBe('operator-key');
  expect(await credentials.authorization()).toBe('Operator right');
  expect(await credentials.renew('Operator right')).toBeUndefined();
  expect(stored()).toEqual([]);
  expect(seen).toHaveLength(2);
});
