import { expect, test } from 'vitest';
import { beginSignIn, readReturn } from './sign-in.ts';
import { memoryStorage } from './testing/fake-server.ts';

const ORIGIN = 'https://console.test';
const HERE = '/console/tenants/ten_1/seats?license=lic_1';

async function start() {
  const storage = memoryStorage();
  const address = new URL(await beginSignIn(storage, ORIGIN, HERE), ORIGIN);
  return { storage, query: address.searchParams, path: address.pathname };
}

const backWith = (answer: Readonly<Record<string, string>>): URL =>
  new URL(`${ORIGIN}/console/signed-in?${new URLSearchParams(answer)}`);

test('starts a sign-in with the registered return address and a challenge that matches the stored verifier', async () => {
  const { storage, query, path } = await start();
  expect(path).toBe('/auth/authorize');
  expect(query.get('redirect_uri')).toBe('https://console.test/console/signed-in');
  expect(query.get('code_challenge_method')).toBe('S256');
  const back = readReturn(storage, backWith({ state: query.get('state') ?? '', code: 'the-code' }));
  if (back?.outcome !== 'code') throw new Error('no code');
  expect(back).toMatchObject({ code: 'the-code', returnTo: HERE });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(back.verifier));
  const challenge = atob((query.get('code_challenge') ?? '').replaceAll('-', '+').replaceAll('_', '/'));
  expect(Array.from(challenge, (byte) => byte.charCodeAt(0))).toEqual([...new Uint8Array(digest)]);
  expect(back.verifier).toMatch(/^[\w-]{43}$/);
});

test('uses a new state and challenge for each sign-in', async () => {
  const [one, other] = await Promise.all([start(), start()]);
  for (const name of ['state', 'code_challenge']) expect(one.query.get(name)).not.toBe(other.query.get(name));
});

test('accepts a return link only once', async () => {
  const { storage, query } = await start();
  const back = backWith({ state: query.get('state') ?? '', code: 'the-code' });
  expect(readReturn(storage, back)?.outcome).toBe('code');
  expect(readReturn(storage, back)).toEqual({ outcome: 'foreign' });
});

test('rejects a return link of another sign-in', async () => {
  const { storage } = await start();
  expect(readReturn(storage, backWith({ state: 'another-state', code: 'another-code' }))).toEqual({
    outcome: 'foreign',
  });
  expect(readReturn(memoryStorage(), backWith({ code: 'another-code' }))).toEqual({ outcome: 'foreign' });
});

test('returns a user who declines to the page that they came from', async () => {
  const { storage, query } = await start();
  const back = backWith({ state: query.get('state') ?? '', error: 'access_denied' });
  expect(readReturn(storage, back)).toEqual({ outcome: 'declined', returnTo: HERE });
});

test('ignores other addresses, and keeps the sign-in in progress', async () => {
  const { storage, query } = await start();
  expect(readReturn(storage, new URL(`${ORIGIN}/console/?code=x`))).toBeUndefined();
  expect(readReturn(storage, backWith({ state: query.get('state') ?? '', code: 'c' }))?.outcome).toBe('code');
});
