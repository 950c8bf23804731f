import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
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
      issue: async (email) => identity.issue(email),
      privateKey: createPrivateKey(await readFile(keyFile)),
      close: () => rm(folder, { recursive: true }),
    };
  });
});

describe('tokens of Google', () => {
  identityContract(async () => {
    const google = await startGoogle();
    return {
      ...google,
      identity: openGoogleIdentity({
        audience: AUDIENCE,
        certsUrl: google.certsUrl,
        issuers: [google.issuer],
      }),
    };
  });

  let google: Google;
  beforeAll(async () => {
    google = await startGoogle();
  });
  afterAll(() => google?.close());

  test.each(['https://accounts.google.com', 'accounts.google.com'])(
    'are taken as %s signs them, unless told otherwise',
    async (issuer) => {
      const identity = openGoogleIdentity({ audience: AUDIENCE, certsUrl: google.certsUrl });
      expect(await identity.verifyServiceToken(await google.issue(EMAIL, { iss: issuer }))).toEqual({
        verdict: 'VERIFIED',
        email: EMAIL,
      });
    },
  );

  test.each(['http://accounts.google.com', 'https://accounts.google.com/', 'googleapis.com'])(
    'are not taken as %s signs them',
    async (issuer) => {
      const identity = openGoogleIdentity({ audience: AUDIENCE, certsUrl: google.certsUrl });
      expect(await identity.verifyServiceToken(await google.issue(EMAIL, { iss: issuer }))).toEqual({
        verdict: 'REFUSED',
        because: 'the token is of another issuer',
      });
    },
  );

  test('and those of the local server are nothing to each other', async () => {
    const local = openLocalIdentity({ audience: AUDIENCE });
    const live = openGoogleIdentity({ audience: AUDIENCE, certsUrl: google.certsUrl });
    expect(await local.verifyServiceToken(await google.issue(EMAIL))).toMatchObject({ verdict: 'REFUSED' });
    expect(await live.verifyServiceToken(local.issue(EMAIL))).toMatchObject({ verdict: 'REFUSED' });
  });
});

interface Google {
  readonly issuer: string;
  readonly certsUrl: string;
  readonly privateKey: KeyObject;
  issue(email: string, change?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

/** A mock issuer, and its certificates beside it in the form that Google publishes, which the mock does not know. */
async function startGoogle(): Promise<Google> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  const [jwk] = server.issuer.keys.toJSON(true);
  if (!jwk || !server.issuer.url) throw new Error('The mock issuer did not start.');
  const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  const published = JSON.stringify({
    [jwk.kid]: certificateOf(privateKey),
    other: certificateOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  });
  const certificates = await cannedServer((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=3600' });
    response.end(published);
  });
  return {
    issuer: server.issuer.url,
    certsUrl: certificates.url,
    privateKey,
    issue: (email, change = {}) =>
      server.issuer.buildToken({
        scopesOrTransform: (_header, payload) => {
          Object.assign(payload, { aud: AUDIENCE, email, email_verified: true }, change);
        },
      }),
    async close() {
      certificates.close();
      await server.stop();
    },
  };
}

/** An X.509 certificate (RFC 5280 section 4.1) over a key, signed by itself and without names. */
function certificateOf(privateKey: KeyObject): string {
  const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
  const sha256WithRsa = sequence(der(0x06, Buffer.from('2a864886f70d01010b', 'hex')), der(0x05));
  const validity = sequence(
    ...['260101000000Z', '460101000000Z'].map((time) => der(0x17, Buffer.from(time))),
  );
  const key = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const told = sequence(der(0x02, Buffer.of(1)), sha256WithRsa, sequence(), validity, sequence(), key);
  const signature = der(0x03, Buffer.of(0), sign('sha256', told, privateKey));
  const base64 = sequence(told, sha256WithRsa, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
