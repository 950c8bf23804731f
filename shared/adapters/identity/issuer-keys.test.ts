import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { cannedServer } from '../../testing/servers/canned-server.ts';
import { openGoogleIdentity } from './google-identity.ts';
import { IssuerKeys } from './issuer-keys.ts';

const MINUTE_MS = 60_000;
const HOUR_SECONDS = 3600;
const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const JWK = KEY.export({ format: 'jwk' });
const jwks = (...keyIds: string[]) => ({
  keys: keyIds.map((kid) => ({ ...JWK, kid, alg: 'RS256', use: 'sig' })),
});
const FIRST = jwks('first');
const SECOND = jwks('first', 'second');

type Respond = (response: ServerResponse) => void;

const keySet = (
  body: unknown,
  cacheControl = `public, max-age=${HOUR_SECONDS}, must-revalidate`,
): Respond => {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': cacheControl });
    response.end(JSON.stringify(body));
  };
};
const broken: Respond = (response) => response.writeHead(500).end('{}');

const closers: (() => void)[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) close();
});

/** An issuer whose response a test can change at any time, and our cache of its keys. */
async function issuerThatSends(first: Respond, withinMs?: number) {
  const issuer = { respond: first, requests: 0 };
  const server = await cannedServer((response) => {
    issuer.requests += 1;
    issuer.respond(response);
  });
  closers.push(server.close);
  return { issuer, url: server.url, cache: new IssuerKeys(server.url, withinMs) };
}

/** Whether the issuer has a key with this id, and it is the right one. */
async function holds(cache: IssuerKeys, keyId: string): Promise<boolean> {
  return (await cache.keyFor(keyId))?.equals(KEY) ?? false;
}

function advanceClock(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds);
}

describe('the keys of an issuer', () => {
  test('are fetched once for all concurrent tokens', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(FIRST));
    const answers = await Promise.all(Array.from({ length: 20 }, () => holds(cache, 'first')));
    expect(answers).toEqual(Array.from({ length: 20 }, () => true));
    await cache.keyFor('first');
    expect(issuer.requests).toBe(1);
  });

  test('are cached for as long as the issuer allows, and a withdrawn key is unknown after that', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(SECOND));
    await cache.keyFor('second');
    issuer.respond = keySet(FIRST);
    advanceClock(HOUR_SECONDS * 1000 - 1);
    expect(await holds(cache, 'second')).toBe(true);
    expect(issuer.requests).toBe(1);
    advanceClock(1);
    expect(await holds(cache, 'second')).toBe(false);
    expect(issuer.requests).toBe(2);
  });

  test.each(['no-cache', 'max-age=0'])(
    'are cached for a minute if the issuer sends %j',
    async (cacheControl) => {
      const { issuer, cache } = await issuerThatSends(keySet(FIRST, cacheControl));
      await cache.keyFor('first');
      advanceClock(MINUTE_MS - 1);
      await cache.keyFor('first');
      expect(issuer.requests).toBe(1);
      advanceClock(1);
      await cache.keyFor('first');
      expect(issuer.requests).toBe(2);
    },
  );

  test('are fetched again for the first token with a new key', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(FIRST));
    await cache.keyFor('first');
    issuer.respond = keySet(SECOND);
    advanceClock(MINUTE_MS);
    const answers = await Promise.all(Array.from({ length: 20 }, () => holds(cache, 'second')));
    expect(answers).toEqual(Array.from({ length: 20 }, () => true));
    expect(issuer.requests).toBe(2);
  });

  test('are fetched at most once a minute, however many key ids an attacker invents', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(FIRST));
    for (let index = 0; index < 50; index += 1) await cache.keyFor(`made-up-${index}`);
    expect(issuer.requests).toBe(1);
    advanceClock(MINUTE_MS);
    await Promise.all(Array.from({ length: 50 }, (_, index) => cache.keyFor(`made-up-${index}`)));
    for (let index = 0; index < 50; index += 1) await cache.keyFor(`made-up-again-${index}`);
    expect(issuer.requests).toBe(2);
  });

  test('are still used while the issuer is down; an unknown key is then Unavailable, not refused', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(FIRST));
    await cache.keyFor('first');
    issuer.respond = broken;
    advanceClock(MINUTE_MS);
    await expect(cache.keyFor('second')).rejects.toThrow(Unavailable);
    await expect(cache.keyFor('second')).rejects.toThrow(Unavailable);
    expect(await holds(cache, 'first')).toBe(true);
    expect(issuer.requests).toBe(2);
    issuer.respond = keySet(SECOND);
    advanceClock(MINUTE_MS);
    expect(await holds(cache, 'second')).toBe(true);
    expect(await holds(cache, 'third')).toBe(false);
  });

  test('are not used longer than allowed, even if the issuer is down', async () => {
    const { issuer, cache } = await issuerThatSends(keySet(FIRST));
    await cache.keyFor('first');
    issuer.respond = broken;
    advanceClock(HOUR_SECONDS * 1000);
    await expect(cache.keyFor('first')).rejects.toThrow(Unavailable);
  });

  test('of other types, or too short to be safe, are ignored', async () => {
    const others = [
      {
        ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
        kid: 'ec',
      },
      {
        ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }),
        kid: 'short',
      },
      { kid: 'new', kty: 'AKP', alg: 'ML-DSA-65', pub: 'AQAB' },
    ];
    const { cache } = await issuerThatSends(keySet({ keys: [...others, ...FIRST.keys] }));
    expect(await holds(cache, 'first')).toBe(true);
    for (const { kid } of others) expect(await holds(cache, kid)).toBe(false);
  });
});

describe('an issuer is Unavailable, and called again for the next token, if it', () => {
  test.each<[string, Respond]>([
    ['fails with status 500', broken],
    ['fails with status 404', (response) => response.writeHead(404).end('{}')],
    ['returns an HTML page', (response) => response.end('<html>')],
    ['returns nothing', (response) => response.end()],
    ['cuts the connection', (response) => response.destroy()],
    ['returns a list', keySet(FIRST.keys)],
    ['returns text', keySet(JSON.stringify(FIRST))],
    ['returns null', keySet(null)],
    ['returns keys in another form', keySet({ keys: [{ kid: 'first', kty: 'RSA' }] })],
    ['returns an invalid key', keySet({ keys: [{ kid: 'first', kty: 'RSA', n: 'no number', e: 'AQAB' }] })],
    ['returns certificates', keySet({ first: KEY.export({ type: 'spki', format: 'pem' }) })],
  ])('%s', async (_name, wrong) => {
    const { issuer, cache } = await issuerThatSends(wrong);
    const error = await cache.keyFor('first').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ part: 'identity', cause: expect.any(Error) });
    issuer.respond = keySet(FIRST);
    expect(await holds(cache, 'first')).toBe(true);
  });

  test('accepts the connection and sends nothing, or not everything, within its deadline', async () => {
    const withinMs = 500;
    const silent = await issuerThatSends(() => {}, withinMs);
    const halting = await issuerThatSends((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"keys":');
    }, withinMs);
    await Promise.all(
      [silent, halting].map(async ({ issuer, cache }) => {
        await expect(cache.keyFor('first')).rejects.toThrow(Unavailable);
        issuer.respond = keySet(FIRST);
        // A busy machine may need more than that for one answer.
        await vi.waitFor(async () => expect(await holds(cache, 'first')).toBe(true), 10_000);
      }),
    );
  });

  test('does not listen', async () => {
    const { url } = await issuerThatSends(broken);
    for (const close of closers.splice(0)) close();
    await expect(new IssuerKeys(url).keyFor('first')).rejects.toThrow(Unavailable);
  });
});

describe('a token', () => {
  const tokenOf = (header: unknown): string =>
    `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AA`;

  test('is neither accepted nor refused while its issuer is down', async () => {
    const { url } = await issuerThatSends(broken);
    const identity = openGoogleIdentity({ audience: 'us', jwksUrl: url, tokens: 'signed' });
    await expect(identity.verifyServiceToken(tokenOf({ alg: 'RS256', kid: 'first' }))).rejects.toThrow(
      Unavailable,
    );
  });

  test('that is not a signed token causes no request', async () => {
    const { issuer, url } = await issuerThatSends(keySet(FIRST));
    const identity = openGoogleIdentity({ audience: 'us', jwksUrl: url, tokens: 'signed' });
    for (const token of ['', 'rubbish', tokenOf({}), tokenOf({ alg: 'HS256', kid: 'first' })]) {
      expect(await identity.verifyServiceToken(token)).toMatchObject({ verdict: 'REFUSED' });
    }
    expect(issuer.requests).toBe(0);
    await identity.verifyServiceToken(tokenOf({ alg: 'RS256', kid: 'first' }));
    expect(issuer.requests).toBe(1);
  });

  test('loads jose only if it has the form of a signed token; opening does not load it', async () => {
    const { url } = await issuerThatSends(keySet(FIRST));
    const script = `
      import { registerHooks } from 'node:module';
      let loaded = false;
      registerHooks({
        resolve: (specifier, context, next) => {
          loaded ||= specifier === 'jose';
          return next(specifier, context);
        },
      });
      const { openGoogleIdentity } = await import(${JSON.stringify(new URL('./google-identity.ts', import.meta.url).href)});
      const identity = openGoogleIdentity({ audience: 'us', jwksUrl: '${url}', tokens: 'signed' });
      await identity.verifyServiceToken('rubbish');
      const before = loaded;
      await identity.verifyServiceToken('${tokenOf({ alg: 'RS256', kid: 'first' })}');
      process.stdout.write(JSON.stringify({ before, after: loaded }));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual({ before: false, after: true });
  });
});
