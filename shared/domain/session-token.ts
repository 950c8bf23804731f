import * as z from 'zod/mini';
import { sealer } from './sealed.ts';
import { type Session, SessionSchema } from './session.ts';

/**
 * A session token is the client's own copy of its session, sealed by us. It lets the session be seated again after
 * Redis lost it, without asking anything else. It opens nothing by itself: whoever shows it must also prove the license.
 */
export interface SessionTokens {
  /** `atMs`: Redis' time of the answer that the token goes with. */
  seal(session: Session, atMs: number): string;
  /** The session as it was sealed, or `undefined` for no token, one that we did not seal, or one not for `sessionId`. */
  open(sessionId: string, token: string | undefined): Opened | undefined;
}

export interface Opened {
  readonly session: Session;
  /** When it was sealed; a token from before this was told has none. */
  readonly sealedAtMs: number | undefined;
}

const Sealed = z.extend(SessionSchema, { sealedAtMs: z.optional(z.int()) });

/** `keys`: the first seals, all open. */
export function sessionTokens(keys: readonly [string, ...string[]]): SessionTokens {
  const seals = sealer('st1', keys);
  return {
    seal: (session, sealedAtMs) => seals.seal(JSON.stringify({ ...session, sealedAtMs })),

    open(sessionId, token) {
      const sealed = seals.open(token);
      if (sealed === undefined) return undefined;
      const { sealedAtMs, ...session } = z.parse(Sealed, JSON.parse(sealed));
      return session.sessionId === sessionId ? { session, sealedAtMs } : undefined;
    },
  };
}
