import { createHash, randomBytes } from 'node:crypto';
import { OPERATIONS } from '../api.ts';
import { SeatleaseError } from '../errors.ts';
import type { AccessTokens } from '../options.ts';
import { isRetry, stepAfter } from '../steps.ts';
import { type DeviceCode, printCode, signInWithDevice } from './device.ts';
import { listenForCode } from './loopback.ts';
import { NO_BROWSER, openBrowser } from './open-browser.ts';
import {
  type Access,
  type Membership,
  openStore,
  type SignInStore,
  type StoredTokens,
  type StoreOptions,
  type Tokens,
  whenAborted,
  withAddress,
} from './sign-in-store.ts';

export interface SignInOptions extends StoreOptions {
  /**
   * Shows an address to the user, whose browser must run on this machine. Default: opens the browser; if that fails, signs in
   * with `showCode`.
   */
  readonly open?: ((address: string) => unknown) | undefined;
  /**
   * Shows a code to the user, who enters it on any device (RFC 8628). Default: prints it on stderr. With it, and without
   * `open`, no browser is opened.
   */
  readonly showCode?: ((code: DeviceCode) => unknown) | undefined;
  /** Ends the wait for the user. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the stored sign-in, or lets the user sign in with the browser. The browser returns to a port of this machine (RFC
 * 8252), and only this program can redeem its code (RFC 7636). Where no browser can be opened, the user enters a code on
 * another device (RFC 8628). Throws `SeatleaseError`: SIGN_IN_REFUSED if the user declines, with the address to open in
 * `members.address`; or the reason of `signal`.
 */
export async function signIn(options: SignInOptions = {}): Promise<SignIn> {
  const before = await storedSignIn(options);
  if (before && (await isStillValid(before))) return before;
  const store = openStore(options);
  const tokens = await newTokens(store, options);
  await store.write(tokens);
  return new SignIn(store, tokens);
}

/** Returns the stored sign-in, without asking the user or the server. */
export async function storedSignIn(options: StoreOptions = {}): Promise<SignIn | undefined> {
  const store = openStore(options);
  const kept = await store.read();
  return kept && new SignIn(store, kept);
}

/** A signed-in user. Pass it to `Seatlease` as `signIn`. */
export class SignIn implements AccessTokens {
  readonly userId: string;
  /** As of the newest access token. */
  tenants: readonly Membership[];
  readonly #store: SignInStore;
  #refreshToken: string;
  #access: Access | undefined;
  #renewing: Promise<string> | undefined;

  constructor(store: SignInStore, kept: StoredTokens | Tokens) {
    this.#store = store;
    this.userId = kept.userId;
    this.tenants = kept.tenants;
    this.#refreshToken = kept.refreshToken;
    if ('access' in kept) this.#access = kept.access;
  }

  /**
   * Returns a valid access token. `refused`: a token that the server rejected; the result is another one. Throws GRANT_INVALID
   * if the sign-in has ended: the user must sign in again.
   */
  async accessToken(refused?: string, { background = false } = {}): Promise<string> {
    const { token, age, validForMs } = this.#access ?? {};
    if (token !== undefined && token !== refused && age && age.read() < Number(validForMs)) return token;
    // A refresh token works once, and using it twice ends the sign-in: concurrent callers share one request.
    this.#renewing ??= this.#renew(background).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the sign-in. The stored sign-in is always removed; throws if the server did not confirm. */
  async signOut(): Promise<void> {
    this.#access = undefined;
    await this.#store.withLock(async () => {
      const kept = await this.#store.read();
      await this.#store.remove();
      await this.#store.send('tokenRevoke', { token: kept?.refreshToken ?? this.#refreshToken }, false);
    });
  }

  #renew(background: boolean): Promise<string> {
    return this.#store.withLock(async () => {
      // Another program of this user may have renewed it since.
      const { refreshToken } = (await this.#store.read()) ?? { refreshToken: this.#refreshToken };
      const body = { grant_type: 'refresh_token', refresh_token: refreshToken };
      const tokens = await this.#store.tokens(body, background).catch(async (error) => {
        if (error instanceof SeatleaseError && error.code === 'GRANT_INVALID') await this.#store.remove();
        throw error;
      });
      // Stored before use: a lost refresh token cannot be restored.
      await this.#store.write(tokens);
      this.#refreshToken = tokens.refreshToken;
      this.#access = tokens.access;
      this.tenants = tokens.tenants;
      return tokens.access.token;
    });
  }
}

/** While the server cannot say it, it counts as good: signing in needs the server, and a stored license may be enough. */
async function isStillValid(before: SignIn): Promise<boolean> {
  try {
    await before.accessToken();
    return true;
  } catch (error) {
    if (!(error instanceof SeatleaseError)) throw error;
    if (isRetry(stepAfter(error, false))) return true;
    if (error.code === 'GRANT_INVALID') return false;
    throw error;
  }
}

async function newTokens(store: SignInStore, { open, showCode, signal }: SignInOptions): Promise<Tokens> {
  const byBrowser =
    showCode && !open ? undefined : await signInWithBrowser(store, open ?? openBrowser, signal);
  return byBrowser ?? signInWithDevice(store, showCode ?? printCode, signal);
}

/** `undefined` if no browser can be opened. */
async function signInWithBrowser(
  { url, clientId, tokens }: SignInStore,
  open: (address: string, ended: AbortSignal) => unknown,
  signal: AbortSignal | undefined,
): Promise<Tokens | undefined> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const ended = new AbortController();
  const { redirectUri, code, close } = await listenForCode(state);
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const address = `${url}${OPERATIONS.authorize.path}?${query}`;
  try {
    const opening = Promise.resolve(open(address, ended.signal));
    const noBrowser = opening.then((outcome) => (outcome === NO_BROWSER ? undefined : never()));
    const found = await Promise.race([code, noBrowser, whenAborted(signal)]);
    if (found === undefined) return undefined;
    const grant = {
      grant_type: 'authorization_code',
      code: found,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
    return await tokens(grant, false);
  } catch (error) {
    throw error instanceof SeatleaseError ? withAddress(error, address) : error;
  } finally {
    ended.abort();
    close();
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
