import type { Tokens } from '../../sdk/src/api.ts';
import type { Credentials, Send } from './api-call.ts';
import { Problem } from './problem.ts';

/** The name of the refresh token in the tab's storage, */
export const KEPT_AS = 'seatlease.refresh-token';
/** and that of the access token which came with it. */
const ACCESS_KEPT_AS = 'seatlease.access-token';
/** A token that runs out on its way is refused: it is renewed this long before. */
const EARLY_MS = 30_000;

export type Identity = 'nobody' | 'person' | 'operator-key';

/** `ended`: by the server, not by the person. */
export type Change = 'signed-in' | 'signed-out' | 'ended';

/** The credentials of whoever sits before this tab. */
export interface OwnCredentials extends Credentials {
  identity(): Identity;
  /** Redeems the code of a sign-in. Throws a `Problem` where it is not good. */
  redeem(code: string, verifier: string, redirectUri: string): Promise<void>;
  /** Works with the operator key for as long as the page is open. Throws a `Problem` where the server does not take it. */
  useOperatorKey(key: string): Promise<void>;
  /** Ends the sign-in, here at once and at the server. */
  signOut(): Promise<void>;
  /** Calls when somebody else, or nobody any more, is signed in. */
  onChange(listener: (why: Change) => void): void;
}

interface Access {
  readonly authorization: string;
  readonly goodUntilMs: number;
}

/**
 * Tokens are in `storage`, which must be this tab's own (`sessionStorage`): a refresh token is good once, and one shown twice
 * ends the sign-in, so that tabs must not share it. The access token beside it spares a reload from asking for another: a
 * page that is reloaded while it asks throws the answer away, and the sign-in with it.
 */
export function createCredentials(send: Send, storage: Storage, nowMs: () => number): OwnCredentials {
  let operatorKey: string | undefined;
  let refreshing: Promise<string | undefined> | undefined;
  const listeners = new Set<(why: Change) => void>();
  const tell = (why: Change): void => {
    for (const listener of listeners) listener(why);
  };

  function keep(tokens: Tokens): string {
    const authorization = `${tokens.token_type} ${tokens.access_token}`;
    const access: Access = { authorization, goodUntilMs: nowMs() + tokens.expires_in * 1000 };
    storage.setItem(KEPT_AS, tokens.refresh_token);
    storage.setItem(ACCESS_KEPT_AS, JSON.stringify(access));
    return authorization;
  }

  function access(): Access | undefined {
    const kept = storage.getItem(ACCESS_KEPT_AS);
    return kept === null ? undefined : JSON.parse(kept);
  }

  function forget(why: Change): void {
    operatorKey = undefined;
    storage.removeItem(KEPT_AS);
    storage.removeItem(ACCESS_KEPT_AS);
    tell(why);
  }

  async function refreshOnce(): Promise<string | undefined> {
    const token = storage.getItem(KEPT_AS);
    if (token === null) return undefined;
    try {
      const body = { grant_type: 'refresh_token', refresh_token: token } as const;
      const tokens = await send('token', { body });
      // Whoever signed out meanwhile stays signed out.
      return storage.getItem(KEPT_AS) === token ? keep(tokens) : undefined;
    } catch (error) {
      // Only the server's word ends a sign-in: it may be away for a while.
      if (!(error instanceof Problem) || error.code !== 'GRANT_INVALID') throw error;
      if (storage.getItem(KEPT_AS) === token) forget('ended');
      return undefined;
    }
  }

  function refresh(): Promise<string | undefined> {
    refreshing ??= refreshOnce().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  return {
    identity() {
      if (operatorKey !== undefined) return 'operator-key';
      return storage.getItem(KEPT_AS) === null ? 'nobody' : 'person';
    },
    async authorization() {
      if (operatorKey !== undefined) return `Operator ${operatorKey}`;
      const kept = access();
      return kept && nowMs() < kept.goodUntilMs - EARLY_MS ? kept.authorization : refresh();
    },
    async renew(refused) {
      if (operatorKey !== undefined) return undefined;
      // Another request may have renewed it already.
      const kept = access();
      if (kept && kept.authorization !== refused) return kept.authorization;
      storage.removeItem(ACCESS_KEPT_AS);
      return refresh();
    },
    async redeem(code, verifier, redirectUri) {
      keep(
        await send('token', {
          body: {
            grant_type: 'authorization_code',
            code,
            code_verifier: verifier,
            redirect_uri: redirectUri,
          },
        }),
      );
      tell('signed-in');
    },
    async useOperatorKey(key) {
      await send('tenantsList', { query: { limit: 1 } }, `Operator ${key}`);
      operatorKey = key;
      tell('signed-in');
    },
    async signOut() {
      const token = storage.getItem(KEPT_AS);
      forget('signed-out');
      if (token !== null) await send('tokenSignOut', { body: { refresh_token: token } });
    },
    onChange(listener) {
      listeners.add(listener);
    },
  };
}
