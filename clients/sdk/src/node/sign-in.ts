import { createHash, randomBytes } from 'node:crypto';
import { OPERATIONS } from '../api.ts';
import { SeatleaseError } from '../errors.ts';
import type { AccessTokens } from '../options.ts';
import { fieldsOf, readProblem } from '../parse-answers.ts';
import { NoAnswer, type Platform, type Response } from '../platform.ts';
import { Stopwatch } from '../stopwatch.ts';
import { alone } from './file-lock.ts';
import { stateFolder } from './folders.ts';
import { listenForCode } from './loopback.ts';
import { openBrowser } from './open-browser.ts';
import { nodePlatform } from './platform.ts';

const TIMEOUT_MS = 10_000;
/** How long before its end a token is renewed: longer than a request takes. */
const EARLY_SECONDS = 60;

export interface SignInOptions {
  /** Address of the license server, such as `https://licenses.example.com`. */
  readonly url: string | URL;
  /** Shows an address to the user. Default: opens the browser. */
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
 * 8252), and only this program can redeem its code (RFC 7636). Throws `SeatleaseError`, with SIGN_IN_REFUSED if the user
 * declines; `NoAnswer`; or the reason of `signal`.
 */
export async function signIn(options: SignInOptions): Promise<SignIn> {
  const before = await storedSignIn(options);
  if (before && (await isGood(before))) return before;
  const place = placeOf(options);
  const tokens = await byBrowser(place, options.open ?? openBrowser, options.signal);
  await place.write(tokens);
  return new SignIn(place, tokens);
}

/** Returns the stored sign-in, without asking the user or the server. */
export async function storedSignIn(
  options: Omit<SignInOptions, 'open' | 'signal'>,
): Promise<SignIn | undefined> {
  const place = placeOf(options);
  const kept = await place.read();
  return kept && new SignIn(place, kept);
}

/** A signed-in user. Pass it to `Seatlease` as `signIn`. */
export class SignIn implements AccessTokens {
  readonly userId: string;
  /** As of the newest access token. */
  tenants: readonly Membership[];
  readonly #place: Place;
  #refreshToken: string;
  #access: Access | undefined;
  #renewing: Promise<string> | undefined;

  constructor(place: Place, kept: Kept | Tokens) {
    this.#place = place;
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
    const { token, age, goodForMs } = this.#access ?? {};
    if (token !== undefined && token !== refused && age && age.read() < Number(goodForMs)) return token;
    // A refresh token works once, and using it twice ends the sign-in: concurrent callers share one request.
    this.#renewing ??= this.#renew(background).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the sign-in. The stored sign-in is always removed; throws if the server did not confirm. */
  async signOut(): Promise<void> {
    this.#access = undefined;
    await this.#place.alone(async () => {
      const kept = await this.#place.read();
      await this.#place.remove();
      await this.#place.send(
        'tokenSignOut',
        { refresh_token: kept?.refreshToken ?? this.#refreshToken },
        false,
      );
    });
  }

  #renew(background: boolean): Promise<string> {
    return this.#place.alone(async () => {
      // Another program of this user may have renewed it since.
      const { refreshToken } = (await this.#place.read()) ?? { refreshToken: this.#refreshToken };
      const asked = { grant_type: 'refresh_token', refresh_token: refreshToken };
      const tokens = await this.#place.tokens(asked, background).catch(async (error) => {
        if (error instanceof SeatleaseError && error.code === 'GRANT_INVALID') await this.#place.remove();
        throw error;
      });
      // Stored before use: a lost refresh token cannot be restored.
      await this.#place.write(tokens);
      this.#refreshToken = tokens.refreshToken;
      this.#access = tokens.access;
      this.tenants = tokens.tenants;
      return tokens.access.token;
    });
  }
}

/** Without an answer it counts as good: signing in needs the server, and a stored license may be enough. */
async function isGood(before: SignIn): Promise<boolean> {
  try {
    await before.accessToken();
    return true;
  } catch (error) {
    if (error instanceof NoAnswer) return true;
    if (error instanceof SeatleaseError && error.code === 'GRANT_INVALID') return false;
    throw error;
  }
}

async function byBrowser(
  { url, tokens }: Place,
  open: (address: string) => unknown,
  signal: AbortSignal | undefined,
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const { redirectUri, code, close } = await listenForCode(state);
  try {
    const ask = new URLSearchParams({
      redirect_uri: redirectUri,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    await open(`${url}${OPERATIONS.loginGoogle.path}?${ask}`);
    const asked = {
      grant_type: 'authorization_code',
      code: await Promise.race([code, whenAborted(signal)]),
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
    return await tokens(asked, false);
  } finally {
    close();
  }
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
interface Kept {
  readonly refreshToken: string;
  readonly userId: string;
  readonly tenants: readonly Membership[];
}

interface Access {
  readonly token: string;
  /** Counts from before the request for the token. */
  readonly age: Stopwatch;
  readonly goodForMs: number;
}

interface Tokens extends Kept {
  readonly access: Access;
}

/** A license server, and the storage for sign-ins to it. */
interface Place {
  readonly url: string;
  tokens(asked: Readonly<Record<string, string>>, background: boolean): Promise<Tokens>;
  send(operation: 'token' | 'tokenSignOut', body: object, background: boolean): Promise<string>;
  read(): Promise<Kept | undefined>;
  write(kept: Kept): Promise<void>;
  remove(): Promise<void>;
  /** Runs `act` in one program of this user at a time. */
  alone<Result>(act: () => Promise<Result>): Promise<Result>;
}

function placeOf({ remember = true, ...options }: SignInOptions): Place {
  const url = String(options.url).replace(/\/+$/, '');
  const folder = options.stateFolder ?? stateFolder();
  const { transport, clock, storage } = options.platform ?? nodePlatform({ stateFolder: folder });
  const name = `sign-in ${url}`;

  async function send(
    operation: 'token' | 'tokenSignOut',
    body: object,
    background: boolean,
  ): Promise<string> {
    const { method, path } = OPERATIONS[operation];
    const response = await transport.send(
      {
        method,
        url: url + path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      { timeoutMs: TIMEOUT_MS, background },
    );
    if (response.status < 300) return response.body;
    throw readProblem(response) ?? notAnswered(path, response);
  }

  const notAnswered = (path: string, { status }: Response): NoAnswer =>
    new NoAnswer(`${url}${path} answered HTTP ${status}, but not as a license server does.`);

  return {
    url,
    send,
    async tokens(asked, background) {
      const age = new Stopwatch(clock);
      const body = await send('token', asked, background);
      return (
        readTokens(body, age) ?? Promise.reject(new NoAnswer(`The answer of ${url} contains no tokens.`))
      );
    },
    async read() {
      const text = remember ? await storage.read(name) : undefined;
      return text === undefined ? undefined : readKept(fieldsOf(text) ?? {});
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
    alone: (act) => (remember ? alone(folder, name, act) : act()),
  };
}

function readTokens(body: string, age: Stopwatch): Tokens | undefined {
  const fields = fieldsOf(body) ?? {};
  const { access_token: token, expires_in: seconds } = fields;
  const kept = readKept(fields);
  if (!kept || typeof token !== 'string' || typeof seconds !== 'number') return undefined;
  return { ...kept, access: { token, age, goodForMs: (seconds - EARLY_SECONDS) * 1000 } };
}

/** Reads an answer or the stored text: both use the server's field names. */
function readKept(fields: Readonly<Record<string, unknown>>): Kept | undefined {
  const { refresh_token: refreshToken, user_id: userId, tenants } = fields;
  if (typeof refreshToken !== 'string' || typeof userId !== 'string' || !Array.isArray(tenants))
    return undefined;
  return {
    refreshToken,
    userId,
    tenants: tenants.map(({ tenant_id, role }) => ({ tenantId: String(tenant_id), role: String(role) })),
  };
}
