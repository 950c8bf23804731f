import { isInternal } from './callers.ts';
import type { EndpointContract, FunctionContract } from './contract.ts';

/** Chromium caches a preflight for at most two hours. */
const PREFLIGHT_SECONDS = 7_200;

/** `Authorization` must be listed: `*` does not include it (Fetch standard, "CORS-safelisted request-header"). */
const REQUEST_HEADERS =
  'authorization, content-type, idempotency-key, if-none-match, traceparent, x-request-id';

/**
 * Lets pages of any origin read the answer. This is safe because these functions use no cookies: a browser adds no
 * credential by itself, so the page must already have the key or token
 * (https://fetch.spec.whatwg.org/#http-cors-protocol). Pages can read all headers, such as `Retry-After`. The headers
 * never vary, so one cached answer serves every origin.
 */
const READABLE = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };
const NOT_READABLE = {};

/** Headers of every answer of a function. */
export function readableBy(contract: FunctionContract): Readonly<Record<string, string>> {
  return isForPages(contract) ? READABLE : NOT_READABLE;
}

/** Headers of the answer to a browser's preflight request; `undefined` if pages must not call the function. */
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

/** False for functions that only Google Cloud or Stripe call, and for sign-in, which browsers visit, some with a cookie. */
function isForPages(contract: FunctionContract): boolean {
  const endpoints: readonly EndpointContract[] = Object.values(contract.endpoints);
  const isVisited = endpoints.some(({ answers }) =>
    Object.values(answers).some(({ status, isPage }) => isPage || (status >= 300 && status < 400)),
  );
  return !isInternal(contract) && !isVisited && !endpoints.some(({ auth }) => auth.includes('stripe'));
}
