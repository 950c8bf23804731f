import { OPERATIONS, type Operations } from '../../sdk/src/api.ts';
import { noAnswer, Problem, readProblem } from './problem.ts';

export type OperationId = keyof Operations;
export type Answer<O extends OperationId> = Operations[O]['answer'];

/** The input of an operation. It has only the parts that the operation takes. */
export type Input<O extends OperationId> = Part<'params', Operations[O]['params']> &
  Part<'query', Operations[O]['query']> &
  (Operations[O]['body'] extends null ? unknown : { readonly body: Operations[O]['body'] }) &
  Extras;

interface Extras {
  readonly signal?: AbortSignal | undefined;
  /** Requests with the same key are done once, however often they are sent. */
  readonly idempotencyKey?: string;
}

type Part<Name extends string, Value> = keyof Value extends never
  ? unknown
  : Partial<Value> extends Value
    ? { readonly [N in Name]?: Value }
    : { readonly [N in Name]: Value };

/** Calls an operation of the API. Throws a `Problem` unless it succeeds. */
export type Call = <O extends OperationId>(operation: O, input: Input<O>) => Promise<Answer<O>>;

export interface Credentials {
  /** The value of `Authorization`; `undefined` if no one is signed in. */
  authorization(): Promise<string | undefined>;
  /** Returns the value to use in place of `rejected`, if there is one. */
  renew(rejected: string): Promise<string | undefined>;
}

const TIMEOUT_MS = 20_000;

/** Sends calls with `credentials`. If the server rejects these, renews them and sends the call once more. */
export function createCall(send: Send, credentials: Credentials): Call {
  return async (operation, input) => {
    const authorization = await credentials.authorization();
    try {
      return await send(operation, input, authorization);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401 || authorization === undefined) throw error;
      const renewed = await credentials.renew(authorization);
      if (renewed === undefined) throw error;
      return await send(operation, input, renewed);
    }
  };
}

export type Send = <O extends OperationId>(
  operation: O,
  input: Input<O>,
  authorization?: string,
) => Promise<Answer<O>>;

/** Sends each call once, to the page's own origin. */
export function createSend(fetch: typeof globalThis.fetch): Send {
  return async (operation, input, authorization) => {
    const { method, path, form }: Operation = OPERATIONS[operation];
    const { params = {}, query = {}, body, signal, idempotencyKey } = looseOf(input);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(addressOf(path, params, query), {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && !form && { 'content-type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      // A form has its own content type.
      ...(body !== undefined && { body: form ? formOf(body) : JSON.stringify(body) }),
      // The API uses no cookies and never redirects.
      credentials: 'omit',
      redirect: 'error',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    }).catch((cause: unknown) => {
      throw noAnswer(cause);
    });
    if (!response.ok) throw await readProblem(response);
    const answer: unknown = await response
      .text()
      .then((text) => (text === '' ? null : JSON.parse(text)))
      .catch((cause: unknown) => {
        throw noAnswer(cause);
      });
    // The server checks its responses against the document that the types are generated from.
    return answer as Answer<typeof operation>;
  };
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly form?: true;
}

function formOf(body: unknown): URLSearchParams {
  return new URLSearchParams(body as Record<string, string>);
}

interface LooseInput extends Extras {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/** The type of the operation, which determines the fields of its input, is not known here. */
function looseOf(input: object): LooseInput {
  return input;
}

function addressOf(
  path: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const filters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') filters.set(name, String(value));
  }
  return filters.size === 0 ? filled : `${filled}?${filters}`;
}
