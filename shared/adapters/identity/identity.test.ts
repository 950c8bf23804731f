import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLocalIdentity } from '../../local/service-tokens.ts';
import { identityContract } from '../../testing/contracts/identity/suite.ts';
import { cannedServer } from '../../testing/servers/canned-server.ts';
import { openGoogleIdentity } from './google-identity.ts';

const AUDIENCE = 'https://seatlease.example/internal';
const EMAIL = 'push@project.iam.gserviceaccount.com';

describe('tokens of the local server', () => {
  identityContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'seatlease-identity-'));
    const keyFile = join(folder, 'identity.pem');
    const identity = openLocalIdentity({ keyFile, audience: AUDIENCE });
    return {
      identity,
      guarded: identity.guarded,
      issue: async (email) => identity.issue(email),
      privateKey: createPrivateKey(await readFile(keyFile)),
      close: () => rm(folder, { recursive: true }),
    };
  });
});

describe('tokens of Google', () => {
  identityContract(async () => {
    const google = await startGoogle();
    const options = { audience: AUDIENCE, jwksUrl: google.jwksUrl, issuers: [google.issuer] };
    return {
      ...google,
      identity: openGoogleIdentity({ ...options, tokens: 'signed' }),
      guarded: openGoogleIdentity({ ...options, tokens: 'checked-by-cloud-run' }),
    };
  });

  let google: Google;
  beforeAll(async () => {
    google = await startGoogle();
  });
  afterAll(() => google?.close());

  test.each(['https://accounts.google.com', 'accounts.google.com'])(
    'are accepted from the issuer %s by default',
    async (issuer) => {
      const identity = openGoogleIdentity({ audience: AUDIENCE, jwksUrl: google.jwksUrl, tokens: 'signed' });
      expect(await identity.verifyServiceToken(await google.issue(EMAIL, { iss: issuer }))).toEqual({
        verdict: 'VERIFIED',
        email: EMAIL,
      });
    },
  );

  test.each(['http://accounts.google.com', 'https://accounts.google.com/', 'googleapis.com'])(
    'are refused from the issuer %s',
    async (issuer) => {
      const identity = openGoogleIdentity({ audience: AUDIENCE, jwksUrl: google.jwksUrl, tokens: 'signed' });
      expect(await identity.verifyServiceToken(await google.issue(EMAIL, { iss: issuer }))).toEqual({
        verdict: 'REFUSED',
        because: 'the token was issued by another issuer',
      });
    },
  );

  test("are refused by the local server's verifier, and the other way round", async () => {
    const local = openLocalIdentity({ audience: AUDIENCE });
    const live = openGoogleIdentity({ audience: AUDIENCE, jwksUrl: google.jwksUrl, tokens: 'signed' });
    expect(await local.verifyServiceToken(await google.issue(EMAIL))).toMatchObject({ verdict: 'REFUSED' });
    expect(await live.verifyServiceToken(local.issue(EMAIL))).toMatchObject({ verdict: 'REFUSED' });
  });
});

interface Google {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly privateKey: KeyObject;
  issue(email: string, change?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

/** A mock issuer that publishes its keys with another one, as Google always publishes two. */
async function startGoogle(): Promise<Google> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  const [jwk] = server.issuer.keys.toJSON(true);
  if (!jwk || !server.issuer.url) throw new Error('The mock issuer did not start.');
  const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
  const published = JSON.stringify({
    keys: [{ ...other, kid: 'other', alg: 'RS256', use: 'sig' }, ...server.issuer.keys.toJSON()],
  });
  const keys = await cannedServer((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=3600' });
    response.end(published);
  });
  return {
    issuer: server.issuer.url,
    jwksUrl: keys.url,
    privateKey,
    issue: (email, change = {}) =>
      server.issuer.buildToken({
        scopesOrTransform: (_header, payload) => {
          Object.assign(payload, { aud: AUDIENCE, email, email_verified: true }, change);
        },
      }),
    async close() {
      keys.close();
      await server.stop();
    },
  };
}
