import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';
import { type Session, SessionSchema } from './session.ts';

/**
 * A session token is the client's own copy of its session, sealed by us. It lets the session be seated again after
 * Redis lost it, without asking anything else. It opens nothing by itself: whoever shows it must also prove the license.
 */
export interface SessionTokens {
  seal(session: Session): string;
  /** The session as it was sealed, or `undefined` for no token, one that we did not seal, or one not for `sessionId`. */
  open(sessionId: string, token: string | undefined): Session | undefined;
}

const VERSION = 'st1';

/**
 * `keys`: the first seals, all open, so that a key can be changed without a client noticing.
 * HMAC-SHA256 over version and payload (RFC 2104).
 */
export function sessionTokens(keys: readonly [string, ...string[]]): SessionTokens {
  const sign = (key: string, payload: string): string =>
    createHmac('sha256', key).update(`${VERSION}.${payload}`).digest('base64url');

  return {
    seal(session) {
      const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
      return `${VERSION}.${payload}.${sign(keys[0], payload)}`;
    },

    open(sessionId, token) {
      const [version, payload, signature, ...rest] = token?.split('.') ?? [];
      if (version !== VERSION || !payload || !signature || rest.length > 0) return undefined;
      // As text: decoding would forgive foreign characters and spare bits, and so take what we did not seal.
      const presented = Buffer.from(signature);
      const sealedByUs = keys.some((key) => {
        const expected = Buffer.from(sign(key, payload));
        return expected.length === presented.length && timingSafeEqual(expected, presented);
      });
      if (!sealedByUs) return undefined;
      const session = z.parse(SessionSchema, JSON.parse(Buffer.from(payload, 'base64url').toString()));
      return session.sessionId === sessionId ? session : undefined;
    },
  };
}
