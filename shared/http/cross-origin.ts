import { isInternal } from './callers.ts';
import type { EndpointContract, FunctionContract } from './contract.ts';

/** Chromium remembers a preflight for two hours at the most. */
const PREFLIGHT_SECONDS = 7_200;

/** `Authorization` must be named: `*` does not mean it (Fetch standard, "CORS-safelisted request-header"). */
const REQUEST_HEADERS =
  'authorization, content-type, idempotency-key, if-none-match, traceparent, x-request-id';

/**
 * Lets pages of any origin read what comes back. No browser adds a credential by itself, as there are no cookies here:
 * a page that calls has the key or token that it shows (https://fetch.spec.whatwg.org/#http-cors-protocol). All headers
 * can be read, such as `Retry-After`. Always the same, so that what is cached serves every origin.
 */
const READABLE = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };
const NOT_READABLE = {};

/** Headers of every answer of a function. */
export function readableBy(contract: FunctionContract): Readonly<Record<string, string>> {
  return isForPages(contract) ? READABLE : NOT_READABLE;
}

/** Headers of the answer to a browser that asks whether a page may call so; `undefined` where it may not. */
export function preflightHeaders(
  contract: FunctionContract,
  methods: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (!isForPages(contract)) return undefined;
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}

/** Not what the cloud and Stripe call, nor where a browser itself goes, with a cookie, to sign in. */
function isForPages(contract: FunctionContract): boolean {
  const endpoints: readonly EndpointContract[] = Object.values(contract.endpoints);
  const isVisited = endpoints.some(({ answers }) =>
    Object.values(answers).some(({ status }) => status >= 300 && status < 400),
  );
  return !isInternal(contract) && !isVisited && !endpoints.some(({ auth }) => auth.includes('stripe'));
}
