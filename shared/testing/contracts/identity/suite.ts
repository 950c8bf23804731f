import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Identity } from '../../../ports/identity.ts';

export interface IdentityUnderTest {
  readonly identity: Identity;
  /** The same verifier on a service where Cloud Run checks tokens. */
  readonly guarded: Identity;
  /** A token of the issuer, for the audience of `identity`. */
  issue(email: string): Promise<string>;
  /** The issuer's private key, RSA or P-256. */
  readonly privateKey: KeyObject;
  close(): Promise<void>;
}

const EMAIL = 'scheduler@project.iam.gserviceaccount.com';
const DAY_SECONDS = 86_400;

type Part = Readonly<Record<string, unknown>>;
type Signer = (signed: string) => Buffer;

/** A valid token of the issuer, and forgeries of it. */
interface Specimen {
  readonly token: string;
  readonly header: Part;
  readonly claims: Part;
  readonly privateKey: KeyObject;
  readonly nowSeconds: number;
  /** The same token with other claims or another header, signed with the issuer's key unless `by` signs. */
  rebuilt(change: { header?: Part; claims?: Part }, by?: Signer): string;
}

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

function signerOf(key: KeyObject): Signer {
  return (signed) => sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
}

function otherKey(like: KeyObject): KeyObject {
  return like.asymmetricKeyType === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function specimenOf(token: string, privateKey: KeyObject): Specimen {
  const [header, claims] = token.split('.').slice(0, 2).map(decode);
  if (!header || !claims) throw new Error('The issuer returned no token.');
  return {
    token,
    header,
    claims,
    privateKey,
    nowSeconds: Math.floor(Date.now() / 1000),
    rebuilt(change, by = signerOf(privateKey)) {
      const signed = `${encode({ ...header, ...change.header })}.${encode({ ...claims, ...change.claims })}`;
      return `${signed}.${by(signed).toString('base64url')}`;
    },
  };
}

const WRONG_CLAIMS: readonly [name: string, (good: Specimen) => Part, because: RegExp][] = [
  ['for another audience', () => ({ aud: 'https://elsewhere.example' }), /another audience/],
  ['for no audience', () => ({ aud: undefined }), /another audience/],
  ['for our audience and another one', ({ claims }) => ({ aud: [claims.aud, 'other'] }), /another audience/],
  ['for a list with only our audience', ({ claims }) => ({ aud: [claims.aud] }), /another audience/],
  [
    'for an audience that begins with ours',
    ({ claims }) => ({ aud: `${String(claims.aud)}/` }),
    /another audience/,
  ],
  ['of another issuer', () => ({ iss: 'https://issuer.example' }), /another issuer/],
  ['without an issuer', () => ({ iss: undefined }), /another issuer/],
  [
    'that has expired',
    ({ nowSeconds }) => ({ iat: nowSeconds - 7200, exp: nowSeconds - 3600 }),
    /has expired/,
  ],
  ['that never expires', () => ({ exp: undefined }), /invalid/],
  ['whose expiry is not a number', () => ({ exp: 'tomorrow' }), /invalid/],
  [
    'that is valid for days',
    ({ nowSeconds }) => ({ exp: nowSeconds + 2 * DAY_SECONDS }),
    /longer than a day/,
  ],
  ['without a time of issue', () => ({ iat: undefined }), /invalid/],
  [
    'issued in the future',
    ({ nowSeconds }) => ({ iat: nowSeconds + 3600, exp: nowSeconds + 7200 }),
    /not valid yet/,
  ],
  ['that is not valid yet', ({ nowSeconds }) => ({ nbf: nowSeconds + 1800 }), /not valid yet/],
  ['whose start time is not a number', () => ({ nbf: 'later' }), /invalid/],
  ['without an e-mail address', () => ({ email: undefined }), /no e-mail address/],
  ['with an empty e-mail address', () => ({ email: '' }), /no e-mail address/],
  ['with a list of e-mail addresses', () => ({ email: [EMAIL] }), /no e-mail address/],
  ['with an unverified e-mail address', () => ({ email_verified: false }), /not verified/],
  ['without email_verified', () => ({ email_verified: undefined }), /not verified/],
  ['with email_verified as text', () => ({ email_verified: 'true' }), /not verified/],
  ['with email_verified as a number', () => ({ email_verified: 1 }), /not verified/],
];

const FORGERIES: readonly [name: string, (good: Specimen) => string, because: RegExp][] = [
  ['whose signature was changed', (good) => withSignature(good, flipFirstBit), /signature .* wrong/],
  ['whose signature was cut', (good) => withSignature(good, (bytes) => bytes.subarray(0, 40)), /signature/],
  ['whose signature is of zeros', (good) => withSignature(good, (bytes) => bytes.fill(0)), /signature/],
  [
    'whose claims were changed',
    ({ token, claims }) => {
      const [header, , signature] = token.split('.');
      return `${header}.${encode({ ...claims, email: 'other@example.com' })}.${signature}`;
    },
    /signature .* wrong/,
  ],
  [
    'that is unsigned, with a signature',
    (good) => good.rebuilt({ header: { alg: 'none' } }, () => Buffer.of(0)),
    /not signed with/,
  ],
  [
    'whose algorithm is none, though its signature is valid',
    (good) => good.rebuilt({ header: { alg: 'none' } }),
    /not signed with/,
  ],
  [
    'signed with the public key as a shared secret',
    (good) => good.rebuilt({ header: { alg: 'HS256' } }, sharedSecretSigner(good.privateKey)),
    /not signed with/,
  ],
  [
    'signed with the public key as a shared secret, with the right algorithm in its header',
    (good) => good.rebuilt({}, sharedSecretSigner(good.privateKey)),
    /signature/,
  ],
  [
    "signed with another key under the issuer's key id",
    (good) => good.rebuilt({}, signerOf(otherKey(good.privateKey))),
    /signature .* wrong/,
  ],
  [
    'with a key id that the issuer does not have',
    (good) => good.rebuilt({ header: { kid: 'unknown' } }),
    /key that the issuer does not have/,
  ],
  [
    'with a key id that every object has as a property',
    (good) => good.rebuilt({ header: { kid: 'constructor' } }),
    /key that the issuer does not have/,
  ],
  ['without a key id', (good) => good.rebuilt({ header: { kid: undefined } }), /not a signed token/],
  ['without an algorithm', (good) => good.rebuilt({ header: { alg: undefined } }), /not a signed token/],
  ['that was cut', ({ token }) => token.slice(0, token.lastIndexOf('.')), /not a signed token/],
  ['with a fourth part', ({ token }) => `${token}.more`, /not a signed token/],
  ['that ends in a line break', ({ token }) => `${token}\n`, /not a signed token/],
  ['with an empty signature', ({ token }) => token.replace(/[^.]+$/, ''), /not a signed token/],
  ['whose claims are not JSON', (good) => withClaims(good, 'no json'), /invalid/],
  ['whose claims are null', (good) => withClaims(good, 'null'), /invalid/],
  ['whose claims are a list', (good) => withClaims(good, '[]'), /invalid/],
];

const REMOVED = 'SIGNATURE_REMOVED_BY_GOOGLE';

const NO_TOKENS: readonly string[] = [
  '',
  '.',
  '..',
  '...',
  'a.b.c',
  'null.null.null',
  `${encode(null)}.e30.e30`,
  `${encode([])}.e30.e30`,
  `${encode({ alg: 1, kid: {} })}.e30.e30`,
  'x'.repeat(8192),
  `${'x'.repeat(4096)}.${'y'.repeat(4000)}.z`,
  'ä.ö.ü',
  '🔑.🔑.🔑',
  '\0.\0.\0',
  'Bearer a.b.c',
];

function withSignature({ token }: Specimen, change: (bytes: Buffer) => Buffer): string {
  const [header, claims, signature = ''] = token.split('.');
  return `${header}.${claims}.${change(Buffer.from(signature, 'base64url')).toString('base64url')}`;
}

function flipFirstBit(bytes: Buffer): Buffer {
  bytes.writeUInt8(bytes.readUInt8(0) ^ 0x80, 0);
  return bytes;
}

function sharedSecretSigner(privateKey: KeyObject): Signer {
  const secret = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  return (signed) => createHmac('sha256', secret).update(signed).digest();
}

/** Signed by the issuer, with exactly this text as claims. */
function withClaims({ header, privateKey }: Specimen, text: string): string {
  const signed = `${encode(header)}.${Buffer.from(text).toString('base64url')}`;
  return `${signed}.${signerOf(privateKey)(signed).toString('base64url')}`;
}

/** The token as Cloud Run passes it on to a service that it guards. */
function unsigned(token: string): string {
  return token.replace(/[^.]*$/, REMOVED);
}

/** Tokens that Cloud Run would not have passed on, or not like this. */
const UNGUARDED: readonly [name: string, (good: Specimen) => string, because: RegExp][] = [
  ['with an empty signature', ({ token }) => token.replace(/[^.]*$/, ''), /not a signed token/],
  ['with the marker in lower case', ({ token }) => unsigned(token).toLowerCase(), /./],
  ['with more than the marker', ({ token }) => `${unsigned(token)}A`, /signature/],
  ['with the marker as its claims', ({ header }) => `${encode(header)}.${REMOVED}.${REMOVED}`, /invalid/],
  [
    'with the marker as its header',
    ({ token }) => unsigned(token).replace(/^[^.]+/, REMOVED),
    /not a signed/,
  ],
  ['with a fourth part', ({ token }) => `${token}.${REMOVED}`, /not a signed token/],
  [
    'with the algorithm none',
    (good) => unsigned(good.rebuilt({ header: { alg: 'none' } })),
    /not signed with/,
  ],
  [
    'with the algorithm HS256',
    (good) => unsigned(good.rebuilt({ header: { alg: 'HS256' } })),
    /not signed with/,
  ],
  [
    'without an algorithm',
    (good) => unsigned(good.rebuilt({ header: { alg: undefined } })),
    /not a signed token/,
  ],
  ['whose claims are not JSON', (good) => unsigned(withClaims(good, 'no json')), /invalid/],
  ['whose claims are null', (good) => unsigned(withClaims(good, 'null')), /invalid/],
  ['whose claims are a list', (good) => unsigned(withClaims(good, '[]')), /invalid/],
];

/** The contract of every identity verifier for its issuer's tokens, as vitest tests. `open` is called once. */
export function identityContract(open: () => Promise<IdentityUnderTest>): void {
  let under: IdentityUnderTest;
  let good: Specimen;
  beforeAll(async () => {
    under = await open();
    good = specimenOf(await under.issue(EMAIL), under.privateKey);
  });
  afterAll(() => under?.close());

  async function expectRefusal(token: string, because: RegExp, identity = under.identity): Promise<void> {
    const verdict = await identity.verifyServiceToken(token);
    expect(verdict).toEqual({ verdict: 'REFUSED', because: expect.stringMatching(because) });
    const log = JSON.stringify(verdict);
    const parts = token.split('.').filter((part) => part.length > 20);
    for (const secret of [...parts, EMAIL, 'example']) expect(log).not.toContain(secret);
  }

  test("accepts the issuer's own token and returns its account, any number of times", async () => {
    const verified = { verdict: 'VERIFIED', email: EMAIL };
    expect(await under.identity.verifyServiceToken(good.token)).toEqual(verified);
    expect(await under.identity.verifyServiceToken(good.token)).toEqual(verified);
  });

  test('accepts tokens rebuilt with harmless changes, so those below are refused for their change', async () => {
    const { nowSeconds } = good;
    const changes = [
      {},
      { nbf: nowSeconds },
      { iat: nowSeconds + 60 },
      { exp: nowSeconds - 60 },
      { extra: 'ü' },
    ];
    for (const claims of changes) {
      const verdict = await under.identity.verifyServiceToken(good.rebuilt({ claims }));
      expect(verdict, JSON.stringify(claims)).toEqual({ verdict: 'VERIFIED', email: EMAIL });
    }
  });

  test.each(WRONG_CLAIMS)('refuses a token %s', async (_name, change, because) => {
    await expectRefusal(good.rebuilt({ claims: change(good) }), because);
  });

  test.each(FORGERIES)('refuses a token %s', async (_name, forge, because) => {
    await expectRefusal(forge(good), because);
  });

  describe('refuses text that is not a token', () => {
    test.each(NO_TOKENS.map((text) => [text.length > 40 ? `${text.length} characters` : text, text]))(
      '%j',
      (_name, text) => expectRefusal(text, /not a signed token/),
    );
  });

  test('refuses its own token without the signature, which any caller can write', async () => {
    await expectRefusal(unsigned(good.token), /signature of the token was removed/);
  });

  describe('where Cloud Run checks tokens', () => {
    test('accepts a token without its signature, and one with it', async () => {
      const verified = { verdict: 'VERIFIED', email: EMAIL };
      expect(await under.guarded.verifyServiceToken(unsigned(good.token))).toEqual(verified);
      expect(await under.guarded.verifyServiceToken(good.token)).toEqual(verified);
    });

    test.each(WRONG_CLAIMS)('refuses a token without its signature %s', async (_name, change, because) => {
      await expectRefusal(unsigned(good.rebuilt({ claims: change(good) })), because, under.guarded);
    });

    test.each(UNGUARDED)('refuses a token %s', async (_name, forge, because) => {
      await expectRefusal(forge(good), because, under.guarded);
    });

    test.each(FORGERIES)('verifies the signature of a token %s', async (_name, forge, because) => {
      await expectRefusal(forge(good), because, under.guarded);
    });
  });
}
