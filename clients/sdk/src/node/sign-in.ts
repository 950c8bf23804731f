import { createHash, randomBytes } from 'node:crypto';
import { OPERATIONS } from '../api.ts';
import { SeatleaseError } from '../errors.ts';
import type { AccessTokens } from '../options.ts';
import { fieldsOf, readProblem } from '../parse-answers.ts';
import { NoAnswer, type Platform } from '../platform.ts';
import { Stopwatch } from '../stopwatch.ts';
import { alone } from './file-lock.ts';
import { stateFolder } from './folders.ts';
import { listenForCode } from './loopback.ts';
import { openBrowser } from './open-browser.ts';
import { nodePlatform } from './platform.ts';

const TIMEOUT_MS = 10_000;
/** A token is renewed so long before its end: longer than a request with it takes. */
const EARLY_SECONDS = 60;

export interface SignInOptions {
  /** Of the suite, such as `https://licenses.example.com`. */
  readonly url: string | URL;
  /** Shows an address to the person; opens their browser unless given. */
  readonly open?: ((address: string) => unknown) | undefined;
  /** Ends the wait for the person. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the next start finds the person signed in; true unless said otherwise. */
  readonly remember?: boolean | undefined;
  /** Where it is remembered; the user's own state folder unless said otherwise. */
  readonly stateFolder?: string | undefined;
  readonly platform?: Pick<Platform, 'transport' | 'clock' | 'storage'> | undefined;
}

/**
 * Whoever is signed in from before, or else whoever signs in now, with their browser. It comes back to a port of this
 * machine (RFC 8252), and only this program can redeem what it brings (RFC 7636). Throws `SeatleaseError`, with
 * SIGN_IN_REFUSED where the person says no, or the reason of `signal`.
 */
export async function signIn(options: SignInOptions): Promise<SignIn> {
  const before = await storedSignIn(options);
  if (before && (await isGood(before))) return before;
  const place = placeOf(options);
  const tokens = await byBrowser(place, options.open ?? openBrowser, options.signal);
  await place.write(tokens);
  return new SignIn(place, tokens);
}

/** Whoever is signed in from before. Nobody is asked: neither the person nor the server. */
export async function storedSignIn(
  options: Omit<SignInOptions, 'open' | 'signal'>,
): Promise<SignIn | undefined> {
  const place = placeOf(options);
  const kept = await place.read();
  return kept && new SignIn(place, kept);
}

/** Somebody who is signed in. Give it to `Seatlease` as `signIn`. */
export class SignIn implements AccessTokens {
  readonly userId: string;
  /** As they were when the newest access token was made. */
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
   * A good one. `refused` is one that the server did not take, so that another is needed. Where the sign-in is over
   * (GRANT_INVALID), the person has to sign in again.
   */
  async accessToken(refused?: string, { background = false } = {}): Promise<string> {
    const { token, age, goodForMs } = this.#access ?? {};
    if (token !== undefined && token !== refused && age && age.read() < Number(goodForMs)) return token;
    // Each refresh token is good once, and showing it twice ends the sign-in: one request for all who ask.
    this.#renewing ??= this.#renew(background).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the sign-in, here in any case. Throws where the server could not be told. */
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
      // Before anything is done with it: lost, it could not be had again.
      await this.#place.write(tokens);
      this.#refreshToken = tokens.refreshToken;
      this.#access = tokens.access;
      this.tenants = tokens.tenants;
      return tokens.access.token;
    });
  }
}

/** Offline there is nobody to sign in with, and a stored license may do. */
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

/** What the next start needs. */
interface Kept {
  readonly refreshToken: string;
  readonly userId: string;
  readonly tenants: readonly Membership[];
}

interface Access {
  readonly token: string;
  /** Since before it was asked for. */
  readonly age: Stopwatch;
  readonly goodForMs: number;
}

interface Tokens extends Kept {
  readonly access: Access;
}

/** A suite, and where sign-ins to it are kept. */
interface Place {
  readonly url: string;
  tokens(asked: Readonly<Record<string, string>>, background: boolean): Promise<Tokens>;
  send(operation: 'token' | 'tokenSignOut', body: object, background: boolean): Promise<string>;
  read(): Promise<Kept | undefined>;
  write(kept: Kept): Promise<void>;
  remove(): Promise<void>;
  /** Of all programs of this user. */
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
    throw readProblem(response) ?? new NoAnswer('The answer is not the server’s.');
  }

  return {
    url,
    send,
    async tokens(asked, background) {
      const age = new Stopwatch(clock);
      const body = await send('token', asked, background);
      return readTokens(body, age) ?? Promise.reject(new NoAnswer('The answer holds no tokens.'));
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

/** Of an answer or of what was kept: both say it in the server's words. */
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
