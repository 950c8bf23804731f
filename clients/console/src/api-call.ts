import { OPERATIONS, type Operations } from '../../sdk/src/api.ts';
import { noAnswer, Problem, readProblem } from './problem.ts';

export type OperationId = keyof Operations;
export type Answer<O extends OperationId> = Operations[O]['answer'];

/** What an operation needs to be told: what it has none of is left out. */
export type Input<O extends OperationId> = Part<'params', Operations[O]['params']> &
  Part<'query', Operations[O]['query']> &
  (Operations[O]['body'] extends null ? unknown : { readonly body: Operations[O]['body'] }) &
  Extras;

interface Extras {
  readonly signal?: AbortSignal | undefined;
  /** The same key, the same purchase, however often it is sent. */
  readonly idempotencyKey?: string;
}

type Part<Name extends string, Value> = keyof Value extends never
  ? unknown
  : Partial<Value> extends Value
    ? { readonly [N in Name]?: Value }
    : { readonly [N in Name]: Value };

/** Asks the server. Throws a `Problem` for whatever is not the answer. */
export type Call = <O extends OperationId>(operation: O, input: Input<O>) => Promise<Answer<O>>;

/** Who asks. */
export interface Credentials {
  /** What to send in `Authorization`; `undefined` where nobody is signed in. */
  authorization(): Promise<string | undefined>;
  /** `refused` was not accepted: what to try in its place, or `undefined`. */
  renew(refused: string): Promise<string | undefined>;
}

const TIMEOUT_MS = 20_000;

/** Calls with the credentials of whoever is signed in. Where the server refuses them, once more with renewed ones. */
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

/** Sends once, to the origin that the page is from. */
export function createSend(fetch: typeof globalThis.fetch): Send {
  return async (operation, input, authorization) => {
    const { method, path } = OPERATIONS[operation];
    const { params = {}, query = {}, body, signal, idempotencyKey } = looseOf(input);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(addressOf(path, params, query), {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // There are no cookies to send; a redirect is never an answer.
      credentials: 'omit',
      redirect: 'error',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    }).catch((cause: unknown) => {
      throw noAnswer(cause);
    });
    if (!response.ok) throw await readProblem(response);
    if (response.status === 204) return null;
    const answer: unknown = await response.json().catch((cause: unknown) => {
      throw noAnswer(cause);
    });
    // The server holds its answers to the document that the types are made from.
    return answer as Answer<typeof operation>;
  };
}

interface LooseInput extends Extras {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/** Which parts there are follows from the operation, which is not known here. */
function looseOf(input: object): LooseInput {
  return input;
}

function addressOf(
  path: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') asked.set(name, String(value));
  }
  return asked.size === 0 ? filled : `${filled}?${asked}`;
}
