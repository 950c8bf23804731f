import { OPERATIONS } from './api.ts';
import { SeatleaseError } from './errors.ts';
import type { AccessTokens } from './options.ts';
import { readProblem, readRetryAfter } from './parse-answers.ts';
import { NoAnswer, type Request, type Response, type Transport } from './platform.ts';
import type { Stopwatch } from './stopwatch.ts';

/** What the server is asked for here. */
export type Operation = 'acquire' | 'heartbeat' | 'release' | 'sign' | 'publicKeyJwks';

export type Answer<Body> =
  | {
      readonly kind: 'good';
      readonly body: Body;
      readonly sentAtMs: number;
      readonly dateMs: number | undefined;
    }
  /** Our server said no, and will go on saying so. */
  | { readonly kind: 'refused'; readonly error: SeatleaseError }
  /** Nothing that could be understood came, or a no that says nothing of the matter: ask again. */
  | { readonly kind: 'none'; readonly error: SeatleaseError };

export interface AskOptions<Body> {
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly timeoutMs: number;
  readonly background: boolean;
  /** `undefined` for what is no answer to this. */
  read(body: string, status: number): Body | undefined;
}

/** Statuses that say to come again, whatever comes with them. */
const COME_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

export type Credentials = { readonly licenseKey: string } | { readonly signIn: AccessTokens };

/** The suite, asked once a call, and understood. */
export class Server {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #transport: Transport;
  readonly #stopwatch: Stopwatch;
  /** As it was sent last: for who cannot wait for another. */
  #lastAuthorization = '';

  constructor(url: string, credentials: Credentials, transport: Transport, stopwatch: Stopwatch) {
    this.#url = url;
    this.#credentials = credentials;
    this.#transport = transport;
    this.#stopwatch = stopwatch;
  }

  async ask<Body>(operation: Operation, options: AskOptions<Body>): Promise<Answer<Body>> {
    try {
      const answer = await this.#try(operation, options, await this.#authorize(operation));
      const isRefusedToken = answer.kind === 'refused' && answer.error.code === 'CREDENTIALS_INVALID';
      if (!isRefusedToken || 'licenseKey' in this.#credentials) return answer;
      // An access token may end early; once the sign-in itself has ended there will be no other.
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

  /** For who has no time to ask: the request by which a session is given back; `undefined` where nothing was asked yet. */
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
    { body, timeoutMs, background, read }: AskOptions<Body>,
    authorization: string,
  ): Promise<Answer<Body>> {
    const request = this.#request(operation, body, authorization);
    const sentAtMs = this.#stopwatch.read();
    const response = await this.#transport.send(request, { timeoutMs, background });
    // The server says which request it answers. Something in between has mixed them up, or told an old answer again.
    const asked = request.headers['x-request-id'];
    if (asked !== undefined && (response.header('x-request-id') ?? asked) !== asked)
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
        // What is public is asked for without more, so that browsers need not ask whether they may.
        ...(authorization === '' ? {} : { authorization, 'x-request-id': crypto.randomUUID() }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
  }
}

/** Whether it is our server's no, which asking again will not change. */
export function isDefinite({ code, status = 0 }: SeatleaseError): boolean {
  return code !== 'NO_ANSWER' && status >= 400 && status < 500 && !COME_AGAIN.has(status);
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
