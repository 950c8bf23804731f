import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { type Issuer, idTokenVerifier } from '../adapters/identity/id-token.ts';
import { Unavailable } from '../errors.ts';
import type { Identity } from '../ports/identity.ts';
import { readIfExists, writeOnce } from './private-files.ts';

/** Not a real issuer, so that no other server accepts these tokens. */
export const LOCAL_ISSUER = 'seatlease-local';

const TOKEN_SECONDS = 3600;

/** Issues tokens and verifies them. */
export interface LocalIdentity extends Identity {
  /** The same verifier on a service where Cloud Run checks tokens and removes their signatures. */
  readonly guarded: Identity;
  /** A token like Google's for the service account `email`, valid for one hour. `change` overrides claims. */
  issue(email: string, change?: Readonly<Record<string, unknown>>): string;
}

export interface LocalIdentityOptions {
  /**
   * File of the private key, so that processes on one machine accept each other's tokens. Without it, the key is in
   * memory.
   */
  readonly keyFile?: string | undefined;
  readonly audience: string;
}

/**
 * Identity for a developer's machine: it signs its own tokens. The first process that opens `keyFile` creates the key.
 * Throws `Unavailable` if the file does not contain a P-256 private key.
 */
export function openLocalIdentity({ keyFile, audience }: LocalIdentityOptions): LocalIdentity {
  const privateKey = keyFile === undefined ? createPrivateKey(newKey()) : keyIn(keyFile);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'pem' }))
    .digest('hex')
    .slice(0, 40);
  const issuer: Issuer = {
    names: [LOCAL_ISSUER],
    algorithm: 'ES256',
    keyFor: async (requestedId) => (requestedId === keyId ? publicKey : undefined),
  };
  return {
    ...idTokenVerifier(issuer, audience, 'signed'),
    guarded: idTokenVerifier(issuer, audience, 'checked-by-cloud-run'),
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
    // Reported below without the parser's message, which can quote the file.
  }
  throw new Unavailable('identity', `${file} does not contain a P-256 private key as PEM`);
}
