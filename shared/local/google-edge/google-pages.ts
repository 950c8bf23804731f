import type { ServerResponse } from 'node:http';

/**
 * Answers that Google gives itself, before or instead of a function: HTML or text, never our problem documents.
 * - `NOT_ALLOWED_IN` (404): ingress refuses a caller from outside.
 * - `TOKEN_INVALID` (401), `NOT_INVOKER` (403): IAM refuses the token, or the lack of one.
 * - `NO_INSTANCE` (429): all instances are busy. There is no `Retry-After`.
 * - `FUNCTION_TIMEOUT`, `HOSTING_TIMEOUT` (504).
 * All but the last: https://cloud.google.com/run/docs/troubleshooting. The last:
 * https://github.com/firebase/firebase-tools/blob/master/src/hosting/proxy.ts, which imitates Hosting.
 */
const PAGES = {
  NOT_ALLOWED_IN: [404, 'Error: Page not found'],
  TOKEN_INVALID: [401, 'Error: Unauthorized'],
  NOT_INVOKER: [403, 'Error: Forbidden'],
  NO_INSTANCE: [429, 'Rate exceeded.'],
  FUNCTION_TIMEOUT: [504, 'upstream request timeout'],
  HOSTING_TIMEOUT: [504, 'Timed out waiting for function to respond.'],
} as const satisfies Readonly<Record<string, readonly [status: number, text: string]>>;

export type GooglePage = keyof typeof PAGES;

/** Answers with Google's page, unless the function has begun its own answer. */
export function answerAsGoogle(response: ServerResponse, page: GooglePage): void {
  if (response.headersSent || response.destroyed) return;
  const [status, text] = PAGES[page];
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(status, { 'content-type': 'text/html; charset=UTF-8', server: 'Google Frontend' });
  response.end(`<html><head><title>${status}</title></head><body><h1>${text}</h1></body></html>\n`);
}
