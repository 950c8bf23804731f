import { OPERATIONS } from './api.ts';
import { SeatleaseError } from './errors.ts';
import type { AccessTokens } from './options.ts';
import { readProblem, readRetryAfter } from './parse-answers.ts';
import { NoAnswer, type Request, type Response, type Transport } from './platform.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Endpoints that the SDK calls. */
export type Operation = 'acquire' | 'heartbeat' | 'release' | 'sign' | 'publicKeyJwks';

export type Answer<Body> =
  | {
      readonly kind: 'good';
      readonly body: Body;
      readonly sentAtMs: number;
      readonly dateMs: number | undefined;
    }
  /** The license server refused; a retry gives the same answer. */
  | { readonly kind: 'refused'; readonly error: SeatleaseError }
  /** No usable answer, or a temporary error: retry. */
  | { readonly kind: 'none'; readonly error: SeatleaseError };

export interface CallOptions<Body> {
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly timeoutMs: number;
  readonly background: boolean;
  /** Parses the body; `undefined` if it is not an answer to this request. */
  read(body: string, status: number): Body | undefined;
}

/** 4xx statuses that mean "retry later". */
const RETRY_LATER: ReadonlySet<number> = new Set([408, 425, 429]);

export type Credentials = { readonly licenseKey: string } | { readonly signIn: AccessTokens };

/** The license server: sends one request per call and parses the answer. */
export class Server {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #transport: Transport;
  readonly #stopwatch: Stopwatch;
  /** The last one sent, for the release at exit, which cannot wait for a new token. */
  #lastAuthorization = '';

  constructor(url: string, credentials: Credentials, transport: Transport, stopwatch: Stopwatch) {
    this.#url = url;
    this.#credentials = credentials;
    this.#transport = transport;
    this.#stopwatch = stopwatch;
  }

  async call<Body>(operation: Operation, options: CallOptions<Body>): Promise<Answer<Body>> {
    try {
      const answer = await this.#try(operation, options, await this.#authorize(operation));
      const isRefusedToken = answer.kind === 'refused' && answer.error.code === 'CREDENTIALS_INVALID';
      if (!isRefusedToken || 'licenseKey' in this.#credentials) return answer;
      // An access token may end early. If the sign-in itself has ended, `accessToken` throws.
      return await this.#try(
        operation,
        options,
        await this.#authorize(operation, this.#lastAuthorization.slice(7)),
      );
    } catch (error) {
      const known = error instanceof SeatleaseError ? error : noAnswer(error);
      return { kind: isDefinite(known) ? 'refused' : 'none', error: known };
    }
  }

  /** A release request to send at exit, without waiting for anything; `undefined` if nothing was sent yet. */
  releaseRequest(body: Readonly<Record<string, unknown>>): Request | undefined {
    if (this.#lastAuthorization === '') return undefined;
    return this.#request('release', body, this.#lastAuthorization);
  }

  async #authorize(operation: Operation, refused?: string): Promise<string> {
    if (operation === 'publicKeyJwks') return '';
    this.#lastAuthorization =
      'licenseKey' in this.#credentials
        ? `License ${this.#credentials.licenseKey}`
        : `Bearer ${await this.#credentials.signIn.accessToken(refused)}`;
    return this.#lastAuthorization;
  }

  async #try<Body>(
    operation: Operation,
    { body, timeoutMs, background, read }: CallOptions<Body>,
    authorization: string,
  ): Promise<Answer<Body>> {
    const request = this.#request(operation, body, authorization);
    const sentAtMs = this.#stopwatch.read();
    const response = await this.#transport.send(request, { timeoutMs, background });
    // A proxy may mix up answers, or repeat an old one: the server's request id must match.
    const requestId = request.headers['x-request-id'];
    if (requestId !== undefined && (response.header('x-request-id') ?? requestId) !== requestId)
      return { kind: 'none', error: unusable(request, response) };
    if (response.status >= 200 && response.status < 300) {
      const value = read(response.body, response.status);
      if (value === undefined) return { kind: 'none', error: unusable(request, response) };
      return { kind: 'good', body: value, sentAtMs, dateMs: dateOf(response) };
    }
    const problem = readProblem(response);
    return problem && isDefinite(problem)
      ? { kind: 'refused', error: problem }
      : { kind: 'none', error: problem ?? unusable(request, response) };
  }

  #request(
    operation: Operation,
    body: Readonly<Record<string, unknown>> | undefined,
    authorization: string,
  ): Request {
    const { method, path } = OPERATIONS[operation];
    return {
      method,
      url: `${this.#url}${path}`,
      headers: {
        accept: 'application/json',
        // Public endpoints get no other headers: browsers then need no CORS preflight.
        ...(authorization === '' ? {} : { authorization, 'x-request-id': crypto.randomUUID() }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
  }
}

/** Whether it is a refusal by the license server that a retry does not change. */
export function isDefinite({ code, status = 0 }: SeatleaseError): boolean {
  return code !== 'NO_ANSWER' && status >= 400 && status < 500 && !RETRY_LATER.has(status);
}

function dateOf(response: Response): number | undefined {
  const atMs = Date.parse(response.header('date') ?? '');
  return Number.isNaN(atMs) ? undefined : atMs;
}

function noAnswer(cause: unknown): SeatleaseError {
  const message = cause instanceof NoAnswer ? cause.message : 'The license server did not answer.';
  return new SeatleaseError('NO_ANSWER', message, { cause });
}

function unusable({ url }: Request, { status, header }: Response): SeatleaseError {
  return new SeatleaseError(
    'NO_ANSWER',
    `${url} answered HTTP ${status}, but not as a license server does.`,
    {
      status,
      retryAfterSeconds: readRetryAfter(header('retry-after')),
    },
  );
}
