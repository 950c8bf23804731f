import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs text that clients store for us, so that changes are detected. The text is readable, not secret. */
export interface Sealer {
  seal(payload: string): string;
  /** The payload, or `undefined` if it was not sealed by us. */
  open(sealed: string | undefined): string | undefined;
}

/**
 * Seals with HMAC-SHA256 (RFC 2104) over `purpose` and payload, so that text sealed for one purpose does not open for
 * another. The first of `keys` seals, all of them open, so that a key can be rotated without invalidating anything.
 */
export function sealer(purpose: string, keys: readonly [string, ...string[]]): Sealer {
  const sign = (key: string, payload: string): string =>
    createHmac('sha256', key).update(`${purpose}.${payload}`).digest('base64url');

  return {
    seal(text) {
      const payload = Buffer.from(text).toString('base64url');
      return `${purpose}.${payload}.${sign(keys[0], payload)}`;
    },

    open(sealed) {
      const [prefix, payload, signature, ...rest] = sealed?.split('.') ?? [];
      if (prefix !== purpose || !payload || !signature || rest.length > 0) return undefined;
      // Compared as text: decoding ignores foreign characters and spare bits, and so would accept what we did not seal.
      const presented = Buffer.from(signature);
      const sealedByUs = keys.some((key) => {
        const expected = Buffer.from(sign(key, payload));
        return expected.length === presented.length && timingSafeEqual(expected, presented);
      });
      return sealedByUs ? Buffer.from(payload, 'base64url').toString() : undefined;
    },
  };
}
