import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** RFC 7518 section 3.3 requires at least this for RS256. */
const LEAST_BITS = 2048;

/**
 * The RSA key in `text`: PKCS#8 or SPKI, in PEM or as the base64 of it in one line. Line breaks make no difference, also
 * not as the two characters `\n`: some tools store them like that. `undefined` for anything else, and for short keys.
 */
export function readPrivateKey(text: string): KeyObject | undefined {
  return rsaKey(() => createPrivateKey({ key: derOf(text), format: 'der', type: 'pkcs8' }));
}

export function readPublicKey(text: string): KeyObject | undefined {
  return rsaKey(() => createPublicKey({ key: derOf(text), format: 'der', type: 'spki' }));
}

/** The public half in one line. */
export function publicTextOf(key: KeyObject): string {
  const half = key.type === 'public' ? key : createPublicKey(key);
  return half.export({ format: 'der', type: 'spki' }).toString('base64');
}

/** The thumbprint of the key (RFC 7638): the same for its private and its public half. */
export function thumbprintOf(key: KeyObject): string {
  const { e, n } = key.export({ format: 'jwk' });
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url');
}

function derOf(text: string): Buffer {
  return Buffer.from(text.replace(/-----[A-Z ]+-----|\\n|\s/g, ''), 'base64');
}

function rsaKey(read: () => KeyObject): KeyObject | undefined {
  try {
    const key = read();
    const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    return key.asymmetricKeyType === 'rsa' && modulusLength >= LEAST_BITS ? key : undefined;
  } catch {
    return undefined;
  }
}
