import * as z from 'zod/mini';
import { sealer } from './sealed.ts';
import { type Session, SessionSchema } from './session.ts';

/**
 * A session token is the client's own copy of its session, sealed by us. With it the session can be restored after
 * Redis lost it, without another lookup. It is not a credential: the caller must also prove that it may use the
 * license.
 */
export interface SessionTokens {
  /** `atMs`: Redis' time of the response that carries the token. */
  seal(session: Session, atMs: number): string;
  /** The session as it was sealed; `undefined` if the token is absent, not sealed by us, or not for `sessionId`. */
  open(sessionId: string, token: string | undefined): Opened | undefined;
}

export interface Opened {
  readonly session: Session;
  /** When it was sealed; absent in tokens from before this was recorded. */
  readonly sealedAtMs: number | undefined;
}

const Sealed = z.extend(SessionSchema, { sealedAtMs: z.optional(z.int()) });

/** The first of `keys` seals, all of them open. The prefix `st1` is the version; a token of another one does not open. */
export function sessionTokens(keys: readonly [string, ...string[]]): SessionTokens {
  const seals = sealer('st1', keys);
  return {
    seal: (session, sealedAtMs) => seals.seal(JSON.stringify({ ...session, sealedAtMs })),

    open(sessionId, token) {
      const sealed = seals.open(token);
      if (sealed === undefined) return undefined;
      const known = z.safeParse(Sealed, JSON.parse(sealed)).data;
      if (known?.sessionId !== sessionId) return undefined;
      const { sealedAtMs, ...session } = known;
      return { session, sealedAtMs };
    },
  };
}
