import type { OPERATIONS } from './api.ts';
import { within } from './backoff.ts';
import { SeatleaseError } from './errors.ts';
import { type Credentials, isHeaderText } from './options.ts';
import { readProblem } from './parse-answers.ts';
import {
  type Clock,
  LEAST_TIMEOUT_MS,
  NoAnswer,
  type Request,
  type Response,
  type Transport,
} from './platform.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Operations that the SDK calls; each is the last part of its path. The whole table would be a tenth of what browsers load. */
const METHODS = {
  acquire: 'POST',
  heartbeat: 'PUT',
  release: 'POST',
  sign: 'POST',
} as const satisfies {
  [Name in 'acquire' | 'heartbeat' | 'release' | 'sign']: (typeof OPERATIONS)[Name]['method'];
};

export type Operation = keyof typeof METHODS;

export type Answer<Body> =
  | { readonly body: Body; readonly sentAtMs: number; readonly error?: undefined }
  /** A problem of the license server, or NO_ANSWER. `stepAfter` says what follows. */
  | { readonly error: SeatleaseError };

/** Parses the body; `undefined` if it is not an answer to this request. */
export type Read<Body> = (body: string, status: number) => Body | undefined;

export interface CallOptions<Body> {
  readonly body: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  readonly background: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly read: Read<Body>;
}

export interface ServerPlatform {
  readonly transport: Transport;
  readonly clock: Clock;
}

/** The license server: sends one request per call and parses the answer. */
export class Server {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #platform: ServerPlatform;
  readonly #stopwatch: Stopwatch;
  /** The last one sent, for requests that cannot wait for a new token. */
  #lastAuthorization = '';

  constructor(url: string, credentials: Credentials, platform: ServerPlatform, stopwatch: Stopwatch) {
    this.#url = url;
    this.#credentials = credentials;
    this.#platform = platform;
    this.#stopwatch = stopwatch;
  }

  async call<Body>(operation: Operation, options: CallOptions<Body>): Promise<Answer<Body>> {
    try {
      const answer = await this.#try(operation, options);
      if (!this.canReplaceToken(answer)) return answer;
      // An access token may end early. If the sign-in itself has ended, `accessToken` throws.
      return await this.#try(operation, options, this.#lastAuthorization.slice(7));
    } catch (error) {
      return { error: error instanceof SeatleaseError ? error : noAnswer(error) };
    }
  }

  /** Whether the credentials were refused because the access token is no longer valid. */
  canReplaceToken(answer: Answer<unknown>): boolean {
    return answer.error?.code === 'CREDENTIALS_INVALID' && 'signIn' in this.#credentials;
  }

  /** Parses an answer that this client or its understudy received. `sentAtMs`: when its request was sent, by the stopwatch. */
  parse<Body>(request: Request, response: Response, sentAtMs: number, read: Read<Body>): Answer<Body> {
    // A proxy may mix up answers, or repeat an old one: the server's request id must match.
    const requestId = request.headers['x-request-id'];
    const isOurs = (response.header('x-request-id') ?? requestId) === requestId;
    if (response.status >= 200 && response.status < 300) {
      const body = isOurs ? read(response.body, response.status) : undefined;
      if (body !== undefined) return { body, sentAtMs };
    }
    return { error: (isOurs && readProblem(response)) || unusable(request, response) };
  }

  async #try<Body>(
    operation: Operation,
    { body, timeoutMs, background, signal, read }: CallOptions<Body>,
    refused?: string,
  ): Promise<Answer<Body>> {
    const beganAtMs = this.#stopwatch.read();
    this.#lastAuthorization = await this.#authorize(timeoutMs, refused);
    const request = this.requestFor(operation, body);
    const sentAtMs = this.#stopwatch.read();
    const leftMs = Math.max(timeoutMs - (sentAtMs - beganAtMs), LEAST_TIMEOUT_MS);
    const response = await this.#platform.transport.send(request, { timeoutMs: leftMs, background, signal });
    return this.parse(request, response, sentAtMs, read);
  }

  async #authorize(timeoutMs: number, refused: string | undefined): Promise<string> {
    const credentials = this.#credentials;
    if ('licenseKey' in credentials) return `License ${credentials.licenseKey}`;
    const late = new Error('no token in time');
    const asked = (async () => credentials.signIn.accessToken(refused))();
    const token: unknown = await within(this.#platform.clock, timeoutMs, asked, late).catch(
      (cause: unknown) => {
        if (cause instanceof SeatleaseError) throw cause;
        throw new NoAnswer(`signIn.accessToken() failed: ${cause}`, { cause });
      },
    );
    // It is sent in a header.
    if (!isHeaderText(token)) throw new NoAnswer('signIn.accessToken() returned no token.');
    return `Bearer ${token}`;
  }

  /** A request with the credentials of the last call: others send it without waiting for new ones. */
  requestFor(operation: Operation, body: CallOptions<unknown>['body']): Request {
    const path: (typeof OPERATIONS)[Operation]['path'] = `/api/v1/licenses/${operation}`;
    return {
      method: METHODS[operation],
      url: `${this.#url}${path}`,
      headers: {
        accept: 'application/json',
        authorization: this.#lastAuthorization,
        'content-type': 'application/json',
        'x-request-id': crypto.randomUUID(),
      },
      body: JSON.stringify(body),
    };
  }
}

function noAnswer(cause: unknown): SeatleaseError {
  const message = cause instanceof NoAnswer ? cause.message : 'The license server did not answer.';
  return new SeatleaseError('NO_ANSWER', message, { cause });
}

/** Without `Retry-After`: it is a proxy's, which knows nothing of the license server. */
function unusable({ url }: Request, { status }: Response): SeatleaseError {
  const message = `${url} answered HTTP ${status}, but not as a license server does.`;
  return new SeatleaseError('NO_ANSWER', message, { status });
}
