import * as z from 'zod/mini';
import { sealer } from './sealed.ts';
import { type Session, SessionSchema } from './session.ts';

/**
 * A session token is the client's own copy of its session, sealed by us. With it the session can be restored after
 * Redis lost it, without another lookup. It is not a credential: the caller must also prove that it may use the
 * license.
 */
export interface SessionTokens {
  /** `toldVersion`: the version of the license whose entitlements the client got last. */
  seal(session: Session, toldVersion: number): string;
  /** What was sealed; `undefined` if the token is absent, not sealed by us, or not for `sessionId`. */
  open(sessionId: string, token: string | undefined): Opened | undefined;
}

export interface Opened {
  readonly session: Session;
  readonly toldVersion: number;
}

const Sealed = z.extend(SessionSchema, { toldVersion: z.int() });

/** The first of `keys` seals, all of them open. The prefix `st1` is the version; a token of another one does not open. */
export function sessionTokens(keys: readonly [string, ...string[]]): SessionTokens {
  const seals = sealer('st1', keys);
  return {
    seal: (session, toldVersion) => seals.seal(JSON.stringify({ ...session, toldVersion })),

    open(sessionId, token) {
      const sealed = seals.open(token);
      if (sealed === undefined) return undefined;
      const known = z.safeParse(Sealed, JSON.parse(sealed)).data;
      if (known?.sessionId !== sessionId) return undefined;
      const { toldVersion, ...session } = known;
      return { session, toldVersion };
    },
  };
}
