import { createHmac, timingSafeEqual } from 'node:crypto';

/** Text of ours that others keep for us: it comes back as it was, or not at all. Readable, not secret. */
export interface Sealer {
  seal(payload: string): string;
  /** The payload as it was sealed, or `undefined` for what we did not seal. */
  open(sealed: string | undefined): string | undefined;
}

/**
 * Seals with HMAC-SHA256 (RFC 2104) over `purpose` and payload, so that what is sealed for one purpose opens for no
 * other. `keys`: the first seals, all open, so that a key can be changed without anybody noticing.
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
      // As text: decoding would forgive foreign characters and spare bits, and so take what we did not seal.
      const presented = Buffer.from(signature);
      const sealedByUs = keys.some((key) => {
        const expected = Buffer.from(sign(key, payload));
        return expected.length === presented.length && timingSafeEqual(expected, presented);
      });
      return sealedByUs ? Buffer.from(payload, 'base64url').toString() : undefined;
    },
  };
}
