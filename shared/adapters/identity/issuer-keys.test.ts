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

/** An issuer whose answer a test can change at any time, and its keys as we keep them. */
async function issuerThatSays(first: Respond) {
  const issuer = { respond: first, asked: 0 };
  const server = await cannedServer((response) => {
    issuer.asked += 1;
    issuer.respond(response);
  });
  closers.push(server.close);
  return { issuer, url: server.url, kept: new IssuerKeys(server.url) };
}

/** Whether the issuer has the key of that id, and it is the right one. */
async function holds(kept: IssuerKeys, keyId: string): Promise<boolean> {
  return (await kept.keyFor(keyId))?.equals(KEY) ?? false;
}

function pass(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds);
}

describe('the keys of an issuer', () => {
  test('are asked for once, however many tokens come at the same time', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(FIRST));
    const answers = await Promise.all(Array.from({ length: 20 }, () => holds(kept, 'first')));
    expect(answers).toEqual(Array.from({ length: 20 }, () => true));
    await kept.keyFor('first');
    expect(issuer.asked).toBe(1);
  });

  test('are kept for as long as the issuer allows, and a key that it has withdrawn by then is gone', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(SECOND));
    await kept.keyFor('second');
    issuer.respond = keySet(FIRST);
    pass(HOUR_SECONDS * 1000 - 1);
    expect(await holds(kept, 'second')).toBe(true);
    expect(issuer.asked).toBe(1);
    pass(1);
    expect(await holds(kept, 'second')).toBe(false);
    expect(issuer.asked).toBe(2);
  });

  test.each(['no-cache', 'max-age=0'])(
    'are kept for a minute where the issuer says %j',
    async (cacheControl) => {
      const { issuer, kept } = await issuerThatSays(keySet(FIRST, cacheControl));
      await kept.keyFor('first');
      pass(MINUTE_MS - 1);
      await kept.keyFor('first');
      expect(issuer.asked).toBe(1);
      pass(1);
      await kept.keyFor('first');
      expect(issuer.asked).toBe(2);
    },
  );

  test('are asked for again by the first token of a new key', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(FIRST));
    await kept.keyFor('first');
    issuer.respond = keySet(SECOND);
    pass(MINUTE_MS);
    const answers = await Promise.all(Array.from({ length: 20 }, () => holds(kept, 'second')));
    expect(answers).toEqual(Array.from({ length: 20 }, () => true));
    expect(issuer.asked).toBe(2);
  });

  test('are asked for once a minute at most, however many key ids an attacker makes up', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(FIRST));
    for (let index = 0; index < 50; index += 1) await kept.keyFor(`made-up-${index}`);
    expect(issuer.asked).toBe(1);
    pass(MINUTE_MS);
    await Promise.all(Array.from({ length: 50 }, (_, index) => kept.keyFor(`made-up-${index}`)));
    for (let index = 0; index < 50; index += 1) await kept.keyFor(`made-up-again-${index}`);
    expect(issuer.asked).toBe(2);
  });

  test('still serve while the issuer is away; a key that is not among them is unavailable, not wrong', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(FIRST));
    await kept.keyFor('first');
    issuer.respond = broken;
    pass(MINUTE_MS);
    await expect(kept.keyFor('second')).rejects.toThrow(Unavailable);
    await expect(kept.keyFor('second')).rejects.toThrow(Unavailable);
    expect(await holds(kept, 'first')).toBe(true);
    expect(issuer.asked).toBe(2);
    issuer.respond = keySet(SECOND);
    pass(MINUTE_MS);
    expect(await holds(kept, 'second')).toBe(true);
    expect(await holds(kept, 'third')).toBe(false);
  });

  test('are not served beyond their time because the issuer is away', async () => {
    const { issuer, kept } = await issuerThatSays(keySet(FIRST));
    await kept.keyFor('first');
    issuer.respond = broken;
    pass(HOUR_SECONDS * 1000);
    await expect(kept.keyFor('first')).rejects.toThrow(Unavailable);
  });

  test('of other kinds, or too short to be safe, are ignored', async () => {
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
    const { kept } = await issuerThatSays(keySet({ keys: [...others, ...FIRST.keys] }));
    expect(await holds(kept, 'first')).toBe(true);
    for (const { kid } of others) expect(await holds(kept, kid)).toBe(false);
  });
});

describe('an issuer is unavailable, and asked anew by the next token,', () => {
  test.each<[string, Respond]>([
    ['that says it is broken', broken],
    ['that says the address is wrong', (response) => response.writeHead(404).end('{}')],
    ['that answers a page', (response) => response.end('<html>')],
    ['that answers nothing', (response) => response.end()],
    ['that cuts the line', (response) => response.destroy()],
    ['that answers a list', keySet(FIRST.keys)],
    ['that answers text', keySet(JSON.stringify(FIRST))],
    ['that answers null', keySet(null)],
    ['that answers keys in another form', keySet({ keys: [{ kid: 'first', kty: 'RSA' }] })],
    [
      'that answers a key that is none',
      keySet({ keys: [{ kid: 'first', kty: 'RSA', n: 'no number', e: 'AQAB' }] }),
    ],
    ['that answers certificates', keySet({ first: KEY.export({ type: 'spki', format: 'pem' }) })],
  ])('%s', async (_name, wrong) => {
    const { issuer, kept } = await issuerThatSays(wrong);
    const error = await kept.keyFor('first').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ part: 'identity', cause: expect.any(Error) });
    issuer.respond = keySet(FIRST);
    expect(await holds(kept, 'first')).toBe(true);
  });

  test('that accepts and then says nothing, or not all, within the time that a test has', async () => {
    const silent = await issuerThatSays(() => {});
    const halting = await issuerThatSays((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"keys":');
    });
    await Promise.all(
      [silent, halting].map(async ({ issuer, kept }) => {
        await expect(kept.keyFor('first')).rejects.toThrow(Unavailable);
        issuer.respond = keySet(FIRST);
        expect(await holds(kept, 'first')).toBe(true);
      }),
    );
  }, 10_000);

  test('that nobody listens for', async () => {
    const { url } = await issuerThatSays(broken);
    for (const close of closers.splice(0)) close();
    await expect(new IssuerKeys(url).keyFor('first')).rejects.toThrow(Unavailable);
  });
});

describe('a token', () => {
  const tokenOf = (header: unknown): string =>
    `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AA`;

  test('whose issuer is away is neither good nor bad', async () => {
    const { url } = await issuerThatSays(broken);
    const identity = openGoogleIdentity({ audience: 'us', jwksUrl: url });
    await expect(identity.verifyServiceToken(tokenOf({ alg: 'RS256', kid: 'first' }))).rejects.toThrow(
      Unavailable,
    );
  });

  test('that cannot be good makes us ask nobody', async () => {
    const { issuer, url } = await issuerThatSays(keySet(FIRST));
    const identity = openGoogleIdentity({ audience: 'us', jwksUrl: url });
    for (const token of ['', 'rubbish', tokenOf({}), tokenOf({ alg: 'HS256', kid: 'first' })]) {
      expect(await identity.verifyServiceToken(token)).toMatchObject({ verdict: 'REFUSED' });
    }
    expect(issuer.asked).toBe(0);
    await identity.verifyServiceToken(tokenOf({ alg: 'RS256', kid: 'first' }));
    expect(issuer.asked).toBe(1);
  });

  test('is what loads jose: opening does not, nor does a token that cannot be good', async () => {
    const { url } = await issuerThatSays(keySet(FIRST));
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
      const identity = openGoogleIdentity({ audience: 'us', jwksUrl: '${url}' });
      await identity.verifyServiceToken('rubbish');
      const before = loaded;
      await identity.verifyServiceToken('${tokenOf({ alg: 'RS256', kid: 'first' })}');
      process.stdout.write(JSON.stringify({ before, after: loaded }));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual({ before: false, after: true });
  });
});
