import { expect, test } from 'vitest';
import { beginSignIn, readReturn } from './sign-in.ts';
import { memoryStorage } from './testing/fake-server.ts';

const ORIGIN = 'https://console.test';
const HERE = '/console/tenants/ten_1/seats?license=lic_1';

async function begun() {
  const storage = memoryStorage();
  const address = new URL(await beginSignIn(storage, ORIGIN, HERE), ORIGIN);
  return { storage, ask: address.searchParams, path: address.pathname };
}

const backWith = (answer: Readonly<Record<string, string>>): URL =>
  new URL(`${ORIGIN}/console/signed-in?${new URLSearchParams(answer)}`);

test('a sign-in asks for the one address that people may come back to, with a challenge that fits its verifier', async () => {
  const { storage, ask, path } = await begun();
  expect(path).toBe('/auth/login/google');
  expect(ask.get('redirect_uri')).toBe('https://console.test/console/signed-in');
  expect(ask.get('code_challenge_method')).toBe('S256');
  const back = readReturn(storage, backWith({ state: ask.get('state') ?? '', code: 'the-code' }));
  if (back?.outcome !== 'code') throw new Error('no code');
  expect(back).toMatchObject({ code: 'the-code', returnTo: HERE });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(back.verifier));
  const challenge = atob((ask.get('code_challenge') ?? '').replaceAll('-', '+').replaceAll('_', '/'));
  expect(Array.from(challenge, (byte) => byte.charCodeAt(0))).toEqual([...new Uint8Array(digest)]);
  expect(back.verifier).toMatch(/^[\w-]{43}$/);
});

test('no two sign-ins share a word', async () => {
  const [one, other] = await Promise.all([begun(), begun()]);
  for (const name of ['state', 'code_challenge']) expect(one.ask.get(name)).not.toBe(other.ask.get(name));
});

test('an answer is good once: the same link again signs nobody in', async () => {
  const { storage, ask } = await begun();
  const back = backWith({ state: ask.get('state') ?? '', code: 'the-code' });
  expect(readReturn(storage, back)?.outcome).toBe('code');
  expect(readReturn(storage, back)).toEqual({ outcome: 'stranger' });
});

test('a link that somebody else made signs nobody in', async () => {
  const { storage } = await begun();
  expect(readReturn(storage, backWith({ state: 'theirs', code: 'their-code' }))).toEqual({
    outcome: 'stranger',
  });
  expect(readReturn(memoryStorage(), backWith({ code: 'their-code' }))).toEqual({ outcome: 'stranger' });
});

test('whoever says no is back where they were', async () => {
  const { storage, ask } = await begun();
  const back = backWith({ state: ask.get('state') ?? '', error: 'access_denied' });
  expect(readReturn(storage, back)).toEqual({ outcome: 'declined', returnTo: HERE });
});

test('any other address is no answer, and leaves a sign-in under way alone', async () => {
  const { storage, ask } = await begun();
  expect(readReturn(storage, new URL(`${ORIGIN}/console/?code=x`))).toBeUndefined();
  expect(readReturn(storage, backWith({ state: ask.get('state') ?? '', code: 'c' }))?.outcome).toBe('code');
});
