import { OPERATIONS } from '../api.ts';
import { SeatleaseError } from '../errors.ts';
import { checkUrl } from '../options.ts';
import { fieldsOf, readProblem } from '../parse-answers.ts';
import { LONGEST_TIMEOUT_MS, type Platform } from '../platform.ts';
import { Stopwatch } from '../stopwatch.ts';
import { namingVariable } from './environment.ts';
import { withLock } from './file-lock.ts';
import { stateFolder } from './folders.ts';
import { nodePlatform } from './platform.ts';

/** Registered at every server, for native programs. */
const DEFAULT_CLIENT_ID = 'seatlease-sdk';

/** How long before its end a token is renewed: longer than a request takes. */
const EARLY_SECONDS = 60;

/** A license server, the program's id there, and where its sign-ins are stored. */
export interface StoreOptions {
  /** Address of the license server, such as `https://licenses.example.com`. Default: SEATLEASE_URL. */
  readonly url?: string | URL | undefined;
  /** The program's id at the server, if the vendor has registered one. Default: `seatlease-sdk`. */
  readonly clientId?: string | undefined;
  /** Whether to store the sign-in for the next start. Default: true. */
  readonly remember?: boolean | undefined;
  /** Folder for the sign-in. Default: the user's state folder. */
  readonly stateFolder?: string | undefined;
  readonly platform?: Pick<Platform, 'transport' | 'clock' | 'storage'> | undefined;
}

export interface Membership {
  readonly tenantId: string;
  readonly role: string;
}

/** Stored for the next start. */
export interface StoredTokens {
  readonly refreshToken: string;
  readonly userId: string;
  readonly tenants: readonly Membership[];
}

export interface Access {
  readonly token: string;
  /** Counts from before the request for the token. */
  readonly age: Stopwatch;
  readonly validForMs: number;
}

export interface Tokens extends StoredTokens {
  readonly access: Access;
}

type FormOperation = 'token' | 'tokenRevoke' | 'deviceStart';
type Form = Readonly<Record<string, string>>;

/** A license server, and the storage for sign-ins to it. */
export interface SignInStore {
  readonly url: string;
  readonly clientId: string;
  readonly clock: Platform['clock'];
  tokens(grant: Form, background: boolean): Promise<Tokens>;
  send(operation: FormOperation, form: Form, background: boolean): Promise<string>;
  read(): Promise<StoredTokens | undefined>;
  write(kept: StoredTokens): Promise<void>;
  remove(): Promise<void>;
  /** Runs `act` in one program of this user at a time. */
  withLock<Result>(act: () => Promise<Result>): Promise<Result>;
}

export function openStore({ remember = true, ...options }: StoreOptions): SignInStore {
  const url = addressOf(options);
  const folder = options.stateFolder ?? stateFolder();
  const { transport, clock, storage } = options.platform ?? nodePlatform({ stateFolder: folder });
  const clientId = options.clientId ?? DEFAULT_CLIENT_ID;
  // A refresh token works only for the program that it was issued to.
  const name = clientId === DEFAULT_CLIENT_ID ? `sign-in ${url}` : `sign-in ${url} ${clientId}`;

  async function send(operation: FormOperation, form: Form, background: boolean): Promise<string> {
    const { method, path } = OPERATIONS[operation];
    const request = {
      method,
      url: url + path,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: clientId, ...form }).toString(),
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
    clientId,
    clock,
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
function addressOf(options: Pick<StoreOptions, 'url'>): string {
  try {
    return checkUrl(options.url ?? (process.env.SEATLEASE_URL || undefined)).base;
  } catch (error) {
    throw namingVariable(error, options, process.env);
  }
}

export const noAnswer = (message: string, cause?: Error): SeatleaseError =>
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

/** For a program that shows the address to its user. */
export function withAddress(error: SeatleaseError, address: string): SeatleaseError {
  return new SeatleaseError(error.code, error.message, {
    ...error,
    ...('cause' in error && { cause: error.cause }),
    members: { ...error.members, address },
  });
}

export function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, abort) => {
    if (signal?.aborted) abort(signal.reason);
    else signal?.addEventListener('abort', () => abort(signal.reason), { once: true });
  });
}
