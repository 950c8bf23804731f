import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';

/** The fields read from the library's errors. Never the message: it may quote our request. */
const Failure = z.object({
  type: z.catch(z.optional(z.string()), undefined),
  code: z.catch(z.optional(z.string()), undefined),
  param: z.catch(z.optional(z.string()), undefined),
  statusCode: z.catch(z.optional(z.number()), undefined),
  headers: z.catch(z.optional(z.record(z.string(), z.string())), undefined),
  rawType: z.catch(z.optional(z.string()), undefined),
});

/** Errors that do not concern the request: no response, temporarily unavailable, or no access. */
const OUTAGES = new Set([
  'StripeConnectionError',
  'StripeAPIError',
  'StripeRateLimitError',
  'StripeAuthenticationError',
  'StripePermissionError',
]);

export interface StripeRefusal {
  readonly code: string | undefined;
  /** The parameter that Stripe rejects. */
  readonly param: string | undefined;
  readonly status: number | undefined;
}

/** Code, parameter and status of a request that Stripe rejected; any other failure is thrown. */
export function refusalOf(error: unknown, call: string): StripeRefusal {
  const failure = z.safeParse(Failure, error).data;
  if (failure?.type === undefined) throw error;
  const { type, code, param, statusCode: status } = failure;
  const facts = [type, status, code].filter((fact) => fact !== undefined).join(' ');
  if (OUTAGES.has(type) || (status !== undefined && status >= 500))
    throw new Unavailable('billing', `${call}: ${facts}`);
  return { code, param, status };
}

/**
 * Whether Stripe repeats a failure that it saved under the idempotency key: it does so for a day, also after its cause
 * was removed (docs.stripe.com/api/idempotent_requests, docs.stripe.com/error-low-level#idempotency).
 */
export function isSavedFailure(error: unknown): boolean {
  const { statusCode = 0, headers } = z.safeParse(Failure, error).data ?? {};
  return statusCode >= 500 && headers?.['idempotent-replayed'] === 'true';
}

/**
 * A bug of ours: Stripe rejects the request as invalid. Without the library's error as cause, which holds the request.
 */
export function faultOf(error: unknown, call: string): Error {
  const { code, param, rawType } = z.safeParse(Failure, error).data ?? {};
  const facts = [rawType, code, param].filter((fact) => fact !== undefined).join(' ');
  return new Error(`Stripe rejects ${call}: ${facts}`);
}

/** The result of `work`, or `instead` if Stripe does not know the id. */
export async function unlessMissing<T, I>(call: string, instead: I, work: () => Promise<T>): Promise<T | I> {
  try {
    return await work();
  } catch (error) {
    const { code, status } = refusalOf(error, call);
    if (code === 'resource_missing' || status === 404) return instead;
    throw faultOf(error, call);
  }
}

/** The result of `work`; if Stripe rejects the request, that is a bug of ours. */
export async function callStripe<T>(call: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    refusalOf(error, call);
    throw faultOf(error, call);
  }
}

/** All objects of a list, which Stripe returns in pages. */
export function readAll<S extends z.ZodMiniType>(
  call: string,
  schema: S,
  list: () => AsyncIterable<unknown>,
): Promise<z.output<S>[]> {
  return callStripe(call, () => Array.fromAsync(list(), (each) => z.parse(schema, each)));
}
