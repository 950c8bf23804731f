import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';

/** What is read of an error of the library. Never its text: it may quote what we sent. */
const Failure = z.object({
  type: z.catch(z.optional(z.string()), undefined),
  code: z.catch(z.optional(z.string()), undefined),
  param: z.catch(z.optional(z.string()), undefined),
  statusCode: z.catch(z.optional(z.number()), undefined),
  rawType: z.catch(z.optional(z.string()), undefined),
});

/** Errors that say nothing about what was asked for: no answer, none now, or none for us. */
const OUTAGES = new Set([
  'StripeConnectionError',
  'StripeAPIError',
  'StripeRateLimitError',
  'StripeAuthenticationError',
  'StripePermissionError',
]);

export type Told = { readonly code: string | undefined; readonly status: number | undefined };

/** `code` and status of a request that Stripe understood and refused; any other failure is thrown as what it is. */
export function refusalOf(error: unknown, call: string): Told {
  const failure = z.safeParse(Failure, error).data;
  if (failure?.type === undefined) throw error;
  const { type, code, statusCode: status } = failure;
  const facts = [type, status, code].filter((fact) => fact !== undefined).join(' ');
  if (OUTAGES.has(type) || (status !== undefined && status >= 500))
    throw new Unavailable('billing', `${call}: ${facts}`);
  return { code, status };
}

/** A fault of ours: Stripe finds wrong what we send. Without the library's error as cause, which holds the request. */
export function faultOf(error: unknown, call: string): Error {
  const { code, param, rawType } = z.safeParse(Failure, error).data ?? {};
  const facts = [rawType, code, param].filter((fact) => fact !== undefined).join(' ');
  return new Error(`Stripe refuses ${call}: ${facts}`);
}

/** What `work` gives, or `instead` where Stripe knows nothing of that id. */
export async function unlessMissing<T, I>(call: string, instead: I, work: () => Promise<T>): Promise<T | I> {
  try {
    return await work();
  } catch (error) {
    const { code, status } = refusalOf(error, call);
    if (code === 'resource_missing' || status === 404) return instead;
    throw faultOf(error, call);
  }
}

/** What `work` gives; a refusal is a fault of ours. */
export async function asked<T>(call: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    refusalOf(error, call);
    throw faultOf(error, call);
  }
}
