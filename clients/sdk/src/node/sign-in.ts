import { createHash, randomBytes } from 'node:crypto';
import { OPERATIONS } from '../api.ts';
import { SeatleaseError } from '../errors.ts';
import { type AccessTokens, checkUrl } from '../options.ts';
import { fieldsOf, readProblem } from '../parse-answers.ts';
import { LONGEST_TIMEOUT_MS, type Platform } from '../platform.ts';
import { isRetry, stepAfter } from '../steps.ts';
import { Stopwatch } from '../stopwatch.ts';
import { namingVariable } from './environment.ts';
import { withLock } from './file-lock.ts';
import { stateFolder } from './folders.ts';
import { listenForCode } from './loopback.ts';
import { openBrowser } from './open-browser.ts';
import { nodePlatform } from './platform.ts';

/** How long before its end a token is renewed: longer than a request takes. */
const EARLY_SECONDS = 60;

export interface SignInOptions {
  /** Address of the license server, such as `https://licenses.example.com`. Default: SEATLEASE_URL. */
  readonly url?: string | URL | undefined;
  /** Shows an address to the user. Default: opens the browser, and prints the address on stderr if that fails. */
  readonly open?: ((address: string) => unknown) | undefined;
  /** Ends the wait for the user. */
  readonly signal?: AbortSignal | undefined;
  /** Whether to store the sign-in for the next start. Default: true. */
  readonly remember?: boolean | undefined;
  /** Folder for the sign-in. Default: the user's state folder. */
  readonly stateFolder?: string | undefined;
  readonly platform?: Pick<Platform, 'transport' | 'clock' | 'storage'> | undefined;
}

/**
 * Returns the stored sign-in, or lets the user sign in with the browser. The browser returns to a port of this machine (RFC
 * 8252), and only this program can redeem its code (RFC 7636). Throws `SeatleaseError`: SIGN_IN_REFUSED if the user declines,
 * with the address to open in `members.address`; or the reason of `signal`.
 */
export async function signIn(options: SignInOptions = {}): Promise<SignIn> {
  const before = await storedSignIn(options);
  if (before && (await isStillValid(before))) return before;
  const store = openStore(options);
  const tokens = await signInWithBrowser(store, options.open, options.signal);
  await store.write(tokens);
  return new SignIn(store, tokens);
}

/** Returns the stored sign-in, without asking the user or the server. */
export async function storedSignIn(
  options: Omit<SignInOptions, 'open' | 'signal'> = {},
): Promise<SignIn | undefined> {
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
      await this.#store.send(
        'tokenSignOut',
        { refresh_token: kept?.refreshToken ?? this.#refreshToken },
        false,
      );
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

async function signInWithBrowser(
  { url, tokens }: SignInStore,
  open: SignInOptions['open'],
  signal: AbortSignal | undefined,
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const ended = new AbortController();
  const { redirectUri, code, close } = await listenForCode(state);
  const query = new URLSearchParams({
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const address = `${url}${OPERATIONS.loginGoogle.path}?${query}`;
  try {
    await (open ? open(address) : openBrowser(address, ended.signal));
    const body = {
      grant_type: 'authorization_code',
      code: await Promise.race([code, whenAborted(signal)]),
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
    return await tokens(body, false);
  } catch (error) {
    throw error instanceof SeatleaseError ? withAddress(error, address) : error;
  } finally {
    ended.abort();
    close();
  }
}

/** For a program that shows the address to its user. */
function withAddress(error: SeatleaseError, address: string): SeatleaseError {
  return new SeatleaseError(error.code, error.message, {
    ...error,
    ...('cause' in error && { cause: error.cause }),
    members: { ...error.members, address },
  });
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, abort) => {
    if (signal?.aborted) abort(signal.reason);
    else signal?.addEventListener('abort', () => abort(signal.reason), { once: true });
  });
}

export interface Membership {
  readonly tenantId: string;
  readonly role: string;
}

/** Stored for the next start. */
interface StoredTokens {
  readonly refreshToken: string;
  readonly userId: string;
  readonly tenants: readonly Membership[];
}

interface Access {
  readonly token: string;
  /** Counts from before the request for the token. */
  readonly age: Stopwatch;
  readonly validForMs: number;
}

interface Tokens extends StoredTokens {
  readonly access: Access;
}

/** A license server, and the storage for sign-ins to it. */
interface SignInStore {
  readonly url: string;
  tokens(grant: Readonly<Record<string, string>>, background: boolean): Promise<Tokens>;
  send(operation: 'token' | 'tokenSignOut', body: object, background: boolean): Promise<string>;
  read(): Promise<StoredTokens | undefined>;
  write(kept: StoredTokens): Promise<void>;
  remove(): Promise<void>;
  /** Runs `act` in one program of this user at a time. */
  withLock<Result>(act: () => Promise<Result>): Promise<Result>;
}

function openStore({ remember = true, ...options }: SignInOptions): SignInStore {
  const url = addressOf(options);
  const folder = options.stateFolder ?? stateFolder();
  const { transport, clock, storage } = options.platform ?? nodePlatform({ stateFolder: folder });
  const name = `sign-in ${url}`;

  async function send(
    operation: 'token' | 'tokenSignOut',
    body: object,
    background: boolean,
  ): Promise<string> {
    const { method, path } = OPERATIONS[operation];
    const request = {
      method,
      url: url + path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const response = await transport
      .send(request, { timeoutMs: LONGEST_TIMEOUT_MS, background })
      .catch((cause: Error) => Promise.reject(noAnswer(cause.message, cause)));
    if (response.status < 300) return response.body;
    throw (
      readProblem(response) ??
      noAnswer(`${url}${path} answered HTTP ${response.status}, but not as a license server does.`)
    );
  }

  return {
    url,
    send,
    async tokens(grant, background) {
      const age = new Stopwatch(clock);
      const body = await send('token', grant, background);
      return readTokens(body, age) ?? Promise.reject(noAnswer(`The answer of ${url} contains no tokens.`));
    },
    async read() {
      const text = remember ? await storage.read(name) : undefined;
      return text === undefined ? undefined : readStoredTokens(fieldsOf(text));
    },
    async write({ refreshToken, userId, tenants }) {
      const kept = {
        refresh_token: refreshToken,
        user_id: userId,
        tenants: tenants.map(({ tenantId, role }) => ({ tenant_id: tenantId, role })),
      };
      if (remember) await storage.write(name, JSON.stringify(kept));
    },
    remove: () => storage.remove(name),
    withLock: (act) => (remember ? withLock(folder, name, act) : act()),
  };
}

/** Throws OPTION_INVALID, which names the option or the variable. */
function addressOf(options: Pick<SignInOptions, 'url'>): string {
  try {
    return checkUrl(options.url ?? (process.env.SEATLEASE_URL || undefined)).base;
  } catch (error) {
    throw namingVariable(error, options, process.env);
  }
}

const noAnswer = (message: string, cause?: Error): SeatleaseError =>
  new SeatleaseError('NO_ANSWER', message, cause && { cause });

function readTokens(body: string, age: Stopwatch): Tokens | undefined {
  const fields = fieldsOf(body);
  const { access_token: token, expires_in: seconds } = fields;
  const kept = readStoredTokens(fields);
  if (!kept || typeof token !== 'string' || typeof seconds !== 'number') return undefined;
  return { ...kept, access: { token, age, validForMs: (seconds - EARLY_SECONDS) * 1000 } };
}

/** Reads an answer or the stored text: both use the server's field names. */
function readStoredTokens(fields: Readonly<Record<string, unknown>>): StoredTokens | undefined {
  const { refresh_token: refreshToken, user_id: userId, tenants } = fields;
  if (typeof refreshToken !== 'string' || typeof userId !== 'string' || !Array.isArray(tenants))
    return undefined;
  return {
    refreshToken,
    userId,
    tenants: tenants.map(({ tenant_id, role }) => ({ tenantId: String(tenant_id), role: String(role) })),
  };
}
