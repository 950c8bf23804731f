import type { Tokens } from '../../sdk/src/api.ts';
import type { Credentials, Send } from './api-call.ts';
import { Problem } from './problem.ts';
import { CLIENT_ID } from './sign-in.ts';

/** The key of the refresh token in the tab's storage. */
export const STORED_AS = 'seatlease.refresh-token';
/** The key of the access token in the tab's storage. */
const ACCESS_STORED_AS = 'seatlease.access-token';
/** An access token is renewed this long before it expires, so that it cannot expire on the way to the server. */
const EARLY_MS = 30_000;

export type Identity = 'signed-out' | 'user' | 'operator-key';

/** `ended`: the server ended the sign-in. */
export type Change = 'signed-in' | 'signed-out' | 'ended';

/** The credentials of the user of this tab. */
export interface OwnCredentials extends Credentials {
  identity(): Identity;
  /** Redeems the code of a sign-in. Throws a `Problem` if the code is invalid. */
  redeem(code: string, verifier: string, redirectUri: string): Promise<void>;
  /** Uses the operator key until the page is closed or reloaded. Throws a `Problem` if the server rejects the key. */
  useOperatorKey(key: string): Promise<void>;
  /** Signs out: in the tab at once, then on the server. */
  signOut(): Promise<void>;
  /** Calls `listener` after signing in or out. */
  onChange(listener: (why: Change) => void): void;
}

interface Access {
  readonly authorization: string;
  readonly validUntilMs: number;
}

/**
 * Keeps the tokens in `storage`, which must belong to this tab alone (`sessionStorage`). A refresh token is valid once,
 * and using it twice ends the sign-in, so tabs must not share it. The access token is stored too, so that a reload does
 * not refresh it: a page that is reloaded during a refresh would lose the new refresh token, and the user the sign-in.
 */
export function createCredentials(send: Send, storage: Storage, nowMs: () => number): OwnCredentials {
  let operatorKey: string | undefined;
  let refreshing: Promise<string | undefined> | undefined;
  const listeners = new Set<(why: Change) => void>();
  const notify = (why: Change): void => {
    for (const listener of listeners) listener(why);
  };

  function store(tokens: Tokens): string {
    const authorization = `${tokens.token_type} ${tokens.access_token}`;
    const access: Access = { authorization, validUntilMs: nowMs() + tokens.expires_in * 1000 };
    storage.setItem(STORED_AS, tokens.refresh_token);
    storage.setItem(ACCESS_STORED_AS, JSON.stringify(access));
    return authorization;
  }

  function access(): Access | undefined {
    const stored = storage.getItem(ACCESS_STORED_AS);
    return stored === null ? undefined : JSON.parse(stored);
  }

  function clear(why: Change): void {
    operatorKey = undefined;
    storage.removeItem(STORED_AS);
    storage.removeItem(ACCESS_STORED_AS);
    notify(why);
  }

  async function refreshOnce(): Promise<string | undefined> {
    const token = storage.getItem(STORED_AS);
    if (token === null) return undefined;
    try {
      const body = { grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: token } as const;
      const tokens = await send('token', { body });
      // If the user signed out in the meantime, they stay signed out.
      return storage.getItem(STORED_AS) === token ? store(tokens) : undefined;
    } catch (error) {
      // Only GRANT_INVALID ends the sign-in. The server may be unavailable for a while.
      if (!(error instanceof Problem) || error.code !== 'GRANT_INVALID') throw error;
      if (storage.getItem(STORED_AS) === token) clear('ended');
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
      return storage.getItem(STORED_AS) === null ? 'signed-out' : 'user';
    },
    async authorization() {
      if (operatorKey !== undefined) return `Operator ${operatorKey}`;
      const stored = access();
      return stored && nowMs() < stored.validUntilMs - EARLY_MS ? stored.authorization : refresh();
    },
    async renew(rejected) {
      if (operatorKey !== undefined) return undefined;
      // Another request may have renewed the token already.
      const stored = access();
      if (stored && stored.authorization !== rejected) return stored.authorization;
      storage.removeItem(ACCESS_STORED_AS);
      return refresh();
    },
    async redeem(code, verifier, redirectUri) {
      store(
        await send('token', {
          body: {
            grant_type: 'authorization_code',
            client_id: CLIENT_ID,
            code,
            code_verifier: verifier,
            redirect_uri: redirectUri,
          },
        }),
      );
      notify('signed-in');
    },
    async useOperatorKey(key) {
      await send('tenantsList', { query: { limit: 1 } }, `Operator ${key}`);
      operatorKey = key;
      notify('signed-in');
    },
    async signOut() {
      const token = storage.getItem(STORED_AS);
      clear('signed-out');
      if (token !== null) await send('tokenRevoke', { body: { client_id: CLIENT_ID, token } });
    },
    onChange(listener) {
      listeners.add(listener);
    },
  };
}
