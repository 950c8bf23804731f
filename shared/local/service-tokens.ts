import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { idTokenVerifier } from '../adapters/identity/id-token.ts';
import { Unavailable } from '../errors.ts';
import type { Identity } from '../ports/identity.ts';
import { readIfExists, writeOnce } from './private-files.ts';

/** Nobody's real name, so that a token from here is worth nothing elsewhere. */
export const LOCAL_ISSUER = 'seatlease-local';

const TOKEN_SECONDS = 3600;

/** An issuer of tokens and the check on them in one. */
export interface LocalIdentity extends Identity {
  /** A token such as Google would give the account `email`, good for an hour. `change` is laid over its claims. */
  issue(email: string, change?: Readonly<Record<string, unknown>>): string;
}

export interface LocalIdentityOptions {
  /** Where the private key is kept, so that processes of one machine take each other's tokens; memory where absent. */
  readonly keyFile?: string | undefined;
  readonly audience: string;
}

/**
 * Identity for a developer's machine: signs its tokens itself. The key is made by whoever opens `keyFile` first.
 * Throws `Unavailable` where that file holds anything else.
 */
export function openLocalIdentity({ keyFile, audience }: LocalIdentityOptions): LocalIdentity {
  const privateKey = keyFile === undefined ? createPrivateKey(newKey()) : keyIn(keyFile);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'pem' }))
    .digest('hex')
    .slice(0, 40);
  const verifier = idTokenVerifier(
    {
      names: [LOCAL_ISSUER],
      algorithm: 'ES256',
      keyFor: async (asked) => (asked === keyId ? publicKey : undefined),
    },
    audience,
  );
  return {
    verifyServiceToken: (token) => verifier.verifyServiceToken(token),
    issue(email, change = {}) {
      const iat = Math.floor(Date.now() / 1000);
      const exp = iat + TOKEN_SECONDS;
      const claims = { iss: LOCAL_ISSUER, aud: audience, sub: email, email, email_verified: true, iat, exp };
      const signed = [
        { alg: 'ES256', typ: 'JWT', kid: keyId },
        { ...claims, ...change },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
  };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function keyIn(file: string): KeyObject {
  const pem = readIfExists(file) ?? writeOnce(file, newKey());
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Told below, as a key of another kind is: the parser's own words may quote what it read.
  }
  throw new Unavailable('identity', `${file} does not hold a P-256 private key as PEM`);
}
